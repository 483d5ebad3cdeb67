//! `kereru lab`: the lab with a server for each zone and a resolver, alone or with a shell in it.
//!
//! Reads no configuration. All it keeps is in a temporary folder, and what it serves comes from
//! the binary.

use std::env;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::app::cli::LabArgs;
use crate::app::lab::folder::Folder;
use crate::app::lab::hierarchy::Hierarchy;
use crate::app::lab::settings::{self, DNS_PORT, Parts};
use crate::app::lab::{realm, words};
use crate::app::listening::Sockets;
use crate::app::notify::Notifier;
use crate::app::resolving::Resolving;
use crate::app::serve::{Plan, Server, State, rate_limit};
use crate::app::zones::{self, Catalog};
use crate::app::{Exit, logging, mail, open_files, output, panics, report, secret};
use crate::config::Config;
use crate::net::inherited::Inherited;
use crate::net::listen::ListenError;
use crate::sys::signal;
use crate::wire::name::{Name, NameBuf};

/// Threads that answer over UDP: a lab has one user.
const WORKERS: usize = 1;

/// The shell where the user has none.
const SHELL: &str = "/bin/sh";

/// Runs the lab until it is told to stop or its shell ends, or prints its hints.
pub(in crate::app) fn run(args: &LabArgs) -> Exit {
    let (catalog, problems) = zones::load_configured(&Config::built_in(), &Catalog::default());
    debug_assert!(!problems.has_errors(), "the lab has errors");
    let hierarchy = Hierarchy::of(&catalog);
    if args.hints {
        return output::print(&hierarchy.hints(), Exit::Fine);
    }
    // A signal that comes before all has begun is obeyed then.
    if let Err(error) = signal::hold() {
        output::note(&format!("cannot hold signals back: {error}\n"));
        return Exit::Failed;
    }
    logging::start(&Config::built_in().log);
    panics::watch();
    let folder = match Folder::make() {
        Ok(folder) => folder,
        Err(error) => {
            tracing::error!("cannot make a temporary folder: {error}");
            return Exit::Failed;
        }
    };
    let shell = args.shell.then(shell_program);
    match start(args, &folder, Lab { catalog, hierarchy }) {
        Ok(server) => server.run(shell.as_deref()),
        Err(error) => {
            tracing::error!("{error}");
            Exit::Failed
        }
    }
}

/// What is served.
struct Lab {
    catalog: Catalog,
    hierarchy: Hierarchy,
}

/// Starts the servers, and says what to try.
fn start(args: &LabArgs, folder: &Folder, lab: Lab) -> Result<Server, Box<dyn Error>> {
    let Lab { catalog, hierarchy } = lab;
    let hints = folder.write("hints", &hierarchy.hints())?;
    let parts = Parts { folder, hints: &hints, hierarchy: &hierarchy };
    let (config, sockets) = if args.shell {
        realm::enter(folder)?;
        realm::raise_loopback(&hierarchy.hosts())?;
        let config = settings::inside(parts);
        let sockets = Sockets::open(&config, WORKERS, &mut Inherited::default())?;
        (config, sockets)
    } else {
        let mut config = settings::outside(parts, args.port);
        let _ = open_files::raise(&config, &[]);
        let sockets = open_outside(&mut config).map_err(with_advice)?;
        let name = NameBuf::from_text(words::NAME.as_bytes(), Some(Name::ROOT));
        let name = name.map_err(|error| error.to_string())?;
        let words = words::Outside {
            port: args.port,
            hints: &hints,
            path: hierarchy.path_to(name.as_name()).collect(),
            http: sockets.http.iter().map(|listener| listener.address).collect(),
        };
        if output::print(&words.text(), Exit::Fine) != Exit::Fine {
            return Err("nobody can be told what to try".into());
        }
        (config, sockets)
    };
    tracing::info!(
        "the lab: {} zones on {} servers, and a resolver",
        catalog.entries.len(),
        hierarchy.servers().len()
    );
    let cookies = secret::cookies(&config, None);
    let cookies = cookies.map_err(|problems| report::text(&problems, false))?;
    let resolving = Resolving::of(&config, None);
    let resolving = resolving.map_err(|problems| report::text(&problems, false))?;
    let (plan, rate_limit) = (Plan::Lab { port: port(args) }, rate_limit(&config, None));
    let certificate = mail::certificate(&config);
    let certificate = certificate.map_err(|problems| report::text(&problems, false))?;
    // Without CPUs to be kept on there is one worker, and two labs share all CPUs.
    let cpus = Vec::new();
    let state = State { plan, config, catalog, cookies, rate_limit, resolving, certificate, cpus };
    Ok(Server::start(state, sockets, Notifier::from_environment())?)
}

/// The port of all servers for DNS.
fn port(args: &LabArgs) -> u16 {
    if args.shell { DNS_PORT } else { args.port }
}

/// Opens the sockets of a lab on this machine. HTTP takes any port if another lab or server has its
/// own.
fn open_outside(config: &mut Config) -> Result<Sockets, ListenError> {
    let opened = Sockets::open(config, WORKERS, &mut Inherited::default());
    match opened {
        Err(ListenError { transport: "HTTP", error, .. })
            if error.kind() == io::ErrorKind::AddrInUse =>
        {
            config.http.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
            Sockets::open(config, WORKERS, &mut Inherited::default())
        }
        opened => opened,
    }
}

/// Why a lab on this machine cannot be opened, and what to do about it.
fn with_advice(error: ListenError) -> Box<dyn Error> {
    if error.error.kind() == io::ErrorKind::AddrInUse {
        return format!("{error}; `--port N` takes another").into();
    }
    error.into()
}

/// The shell that the user wants.
fn shell_program() -> PathBuf {
    let wanted = env::var_os("SHELL").filter(|shell| !shell.is_empty());
    wanted.map_or_else(|| PathBuf::from(SHELL), PathBuf::from)
}
