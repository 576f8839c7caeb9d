//! Listening addresses: binding them, and the URL by which this machine reaches them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use super::Trouble;

/// How many connections may wait to be accepted: a burst of clients must not meet a full queue.
const BACKLOG: i32 = 1024;

/// Any free port of the loopback address.
pub const FREE_LOOPBACK_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Listens on `address`; `flag` is the option named in the error.
pub fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, Trouble> {
    listener(address).map_err(|error| Trouble::Listen { address, flag, error })
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this would let two programs share the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted connections inherit it; without it every answer of some size waits 40 ms for an acknowledgement.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Returns the URL by which a program on this machine reaches a listener on `address`.
pub fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_can_be_reached_from_this_machine() {
        for (address, expected) in [
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("0.0.0.0:8000", "http://127.0.0.1:8000"),
            ("[::]:8000", "http://[::1]:8000"),
            ("192.0.2.7:80", "http://192.0.2.7:80"),
        ] {
            assert_eq!(url(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_taken_port_is_refused() {
        let first = bind(FREE_LOOPBACK_PORT, "--listen").unwrap();
        let again = bind(first.local_addr().unwrap(), "--s3-listen").unwrap_err();
        assert!(
            again.to_string().ends_with("already in use; stop the other program or choose another with --s3-listen")
        );
    }
}
