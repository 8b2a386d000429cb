//! The fault proxy, tried on an echo server.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use v9s_testkit::proxy::{Proxy, Wire};

/// Long enough for a byte to cross the loopback many times over, short enough for a test: that nothing comes can only
/// be seen by waiting.
const A_WHILE: Duration = Duration::from_millis(200);

async fn echo_server() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (mut reads, mut writes) = stream.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut reads, &mut writes).await });
        }
    });
    Ok(address)
}

async fn echo(stream: &mut TcpStream) -> Result<u8> {
    stream.write_all(b"x").await?;
    Ok(stream.read_u8().await?)
}

#[tokio::test]
async fn a_cut_ends_standing_connections_and_refuses_new_ones() -> Result<()> {
    let proxy = Proxy::start(&echo_server().await?).await?;
    let mut standing = TcpStream::connect(proxy.address()).await?;
    assert_eq!(echo(&mut standing).await?, b'x');
    proxy.set(Wire::Cut);
    assert!(standing.read_u8().await.is_err());
    let mut new = TcpStream::connect(proxy.address()).await?;
    assert!(echo(&mut new).await.is_err());
    proxy.set(Wire::Pass);
    assert_eq!(echo(&mut TcpStream::connect(proxy.address()).await?).await?, b'x');
    assert_eq!(proxy.connections(), 3);
    Ok(())
}

#[tokio::test]
async fn a_blackhole_holds_bytes_back_until_the_wire_passes_again() -> Result<()> {
    let proxy = Proxy::start(&echo_server().await?).await?;
    let mut standing = TcpStream::connect(proxy.address()).await?;
    assert_eq!(echo(&mut standing).await?, b'x');
    proxy.set(Wire::Blackhole);
    let mut new = TcpStream::connect(proxy.address()).await?;
    assert!(timeout(A_WHILE, echo(&mut standing)).await.is_err());
    assert!(timeout(A_WHILE, echo(&mut new)).await.is_err());
    proxy.set(Wire::Pass);
    assert_eq!(standing.read_u8().await?, b'x');
    assert_eq!(new.read_u8().await?, b'x');
    Ok(())
}
