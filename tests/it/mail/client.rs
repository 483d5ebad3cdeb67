//! A client of SMTP and POP3, in the clear or within TLS, that says what it is told to.

use crate::server::connect;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The server said so, within TLS if there was TLS.
    Said,
    /// It was cut.
    Cut,
}

pub struct Client {
    stream: Stream,
    /// What was read and is no whole line.
    input: Vec<u8>,
}

/// What trusts this certificate alone, and speaks all versions of TLS that there are.
pub fn trust(pem: &str) -> Arc<ClientConfig> {
    trust_by(pem, ALL_VERSIONS)
}

pub fn trust_by(pem: &str, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(versions).unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

impl Client {
    /// A client without TLS that has not read the greeting.
    pub fn silent(address: SocketAddr) -> Self {
        Self { stream: Stream::Clear(connect(address)), input: Vec::new() }
    }

    /// A client without TLS that has read the greeting.
    pub fn clear(address: SocketAddr) -> Self {
        let mut client = Self::silent(address);
        let greeting = client.line();
        assert!(greeting.starts_with("220 mail.") || greeting.starts_with("+OK "), "{greeting}");
        client
    }

    /// A client within TLS that has read the greeting.
    pub fn tls(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let mut client = Self::silent(address).within_tls(config);
        let greeting = client.line();
        assert!(greeting.starts_with("220 mail.") || greeting.starts_with("+OK "), "{greeting}");
        client
    }

    /// Begins TLS.
    pub fn within_tls(self, config: &Arc<ClientConfig>) -> Self {
        self.try_tls(config).unwrap()
    }

    /// Begins TLS, if the certificate is as it should be.
    pub fn try_tls(self, config: &Arc<ClientConfig>) -> std::io::Result<Self> {
        let Stream::Clear(mut stream) = self.stream else { panic!("there is TLS already") };
        assert!(self.input.is_empty(), "{}", String::from_utf8_lossy(&self.input));
        let name = ServerName::try_from("mail.example").unwrap();
        let mut connection = ClientConnection::new(Arc::clone(config), name).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        let stream = Stream::Tls(Box::new(StreamOwned::new(connection, stream)));
        Ok(Self { stream, input: Vec::new() })
    }

    pub fn send(&mut self, octets: &[u8]) {
        match &mut self.stream {
            Stream::Clear(stream) => stream.write_all(octets).unwrap(),
            Stream::Tls(stream) => {
                stream.write_all(octets).unwrap();
                stream.flush().unwrap();
            }
        }
    }

    fn read(&mut self) -> std::io::Result<usize> {
        let mut piece = [0; 4096];
        let read = match &mut self.stream {
            Stream::Clear(stream) => stream.read(&mut piece),
            Stream::Tls(stream) => stream.read(&mut piece),
        }?;
        self.input.extend_from_slice(&piece[..read]);
        Ok(read)
    }

    /// The next line, without its end.
    pub fn line(&mut self) -> String {
        loop {
            if let Some(at) = self.input.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.input.drain(..at + 2).take(at).collect();
                return String::from_utf8(line).unwrap();
            }
            let read = self.read().unwrap();
            assert!(read > 0, "ended after {:?}", String::from_utf8_lossy(&self.input));
        }
    }

    /// The next reply of SMTP, its lines with line feeds between them.
    pub fn reply(&mut self) -> String {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if is_last {
                return lines.join("\n");
            }
        }
    }

    /// Says a line of SMTP and returns the reply.
    pub fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// Says a line that gets a reply with this at its beginning.
    #[track_caller]
    pub fn expect(&mut self, line: &str, reply: &str) {
        let found = self.say(line);
        assert!(found.starts_with(reply), "{line}: {found}");
    }

    /// Says a line of POP3 that gets several back; returns what is between the first and the dot.
    pub fn list(&mut self, line: &str) -> Vec<String> {
        self.expect(line, "+OK");
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if line == "." {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Sends a message of one line by SMTP; the reply to its end.
    pub fn post(&mut self, to: &str, text: &str) -> String {
        self.expect("MAIL FROM:<a@example>", "250");
        self.expect(&format!("RCPT TO:<{to}>"), "250");
        self.expect("DATA", "354");
        self.say(&format!("{text}\r\n."))
    }

    /// Logs in by POP3.
    pub fn log_in(&mut self, user: &str, password: &str) {
        self.expect(&format!("USER {user}"), "+OK");
        self.expect(&format!("PASS {password}"), "+OK");
    }

    /// Reads to the end, whatever comes.
    pub fn wait_for_the_end(&mut self) {
        while self.read().is_ok_and(|read| read > 0) {}
    }

    /// How the connection ends; there is nothing more to read.
    pub fn end(&mut self) -> End {
        match self.read() {
            Ok(0) => End::Said,
            Ok(_) => panic!("there is more: {:?}", String::from_utf8_lossy(&self.input)),
            Err(error) => {
                let kinds = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
                assert!(kinds.contains(&error.kind()), "{error}");
                End::Cut
            }
        }
    }
}
