use super::{Setup, Upstream, run};
use crate::answer::Snapshot;
use crate::base::limits::LOOKUP_US_MAX;
use crate::base::time::Ttl;
use crate::cache::{Cache, Limits, NoZones, Table};
use crate::net::World;
use crate::resolver::{Options, Route, RouteKind};
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::timeout;

/// A resolver that forwards everything.
fn forwarding(to: SocketAddr) -> Setup {
    let limits = Limits {
        min_ttl: Ttl::learnt(0),
        max_ttl: Ttl::MAX,
        max_negative_ttl: Ttl::MAX,
        max_stale: Ttl::learnt(0),
    };
    let route = Route { zone: NameBuf::root(), to: vec![to], kind: RouteKind::ForwardOnly };
    Setup {
        options: Options {
            root: Vec::new(),
            primes: false,
            routes: vec![route],
            port: 53,
            families: [true, true],
            minimises: false,
            mixes_case: false,
            filters_private: false,
            is_forbidden: Arc::new(|_| false),
        },
        cache: Cache::new(Box::new(Table::new(1 << 16)), limits),
        local: Arc::new(NoZones),
        sources: Vec::new(),
        wildcards: Vec::new(),
    }
}

#[test]
fn what_is_to_be_asked_is_asked_by_the_resolver_that_was_set_up_before() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Which of two queues is read first is by chance.
        for _ in 0..20 {
            let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let (upstream, inbox) = Upstream::new();
            upstream.set_up(Some(forwarding(server.local_addr().unwrap())));
            upstream.renew((NameBuf::root(), Rtype::SOA));
            let (_stop, stopping) = watch::channel(false);
            let world = Arc::new(World::new(Snapshot::default()));
            let resolving = tokio::spawn(run(inbox, world, stopping));
            let patience = Duration::from_micros(LOOKUP_US_MAX);
            let asked = timeout(patience, server.recv_from(&mut [0; 512])).await;
            assert!(asked.is_ok_and(|received| received.is_ok()));
            resolving.abort();
        }
    });
}
