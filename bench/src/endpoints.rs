//! Many small HTTP servers in one process of their own: this program, executed again.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The argument that makes this program serve instead of measure. How many, and after how many
/// milliseconds they answer, follow.
const ARGUMENT: &str = "--endpoints";

/// Connections that one endpoint has not accepted yet, at most.
const BACKLOG: u32 = 16;

/// Bytes of a request that are read, at most: none of the programs sends more.
const REQUEST_BYTES_MAX: usize = 8 * 1_024;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 20\r\n\r\n{\"status\":\"healthy\"}";

/// Endpoints that answer every request with 200 until this is dropped.
pub(crate) struct Endpoints {
    /// Addresses without a path.
    pub(crate) urls: Vec<String>,
    child: Child,
    input: Option<ChildStdin>,
}

impl Endpoints {
    pub(crate) fn start(count: usize, delay: Duration) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .arg(count.to_string())
            .arg(delay.as_millis().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("the endpoints say nothing")?;
        let mut endpoints = Self {
            urls: Vec::new(),
            child,
            input,
        };
        for line in BufReader::new(output).lines().take(count) {
            endpoints.urls.push(format!("http://127.0.0.1:{}", line?));
        }
        if endpoints.urls.len() < count {
            return Err(format!("only {} endpoints listen", endpoints.urls.len()).into());
        }
        Ok(endpoints)
    }
}

impl Drop for Endpoints {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.child.wait());
    }
}

/// The arguments after the one that asks for endpoints.
pub(crate) fn asked_for(arguments: &[String]) -> Option<&[String]> {
    let (first, rest) = arguments.split_first()?;
    (first == ARGUMENT).then_some(rest)
}

/// Serves until standard input closes.
pub(crate) fn serve(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [count, delay_ms] = arguments else {
        return Err("a count and milliseconds are needed".into());
    };
    let (count, delay_ms): (usize, u64) = (count.parse()?, delay_ms.parse()?);
    // Each endpoint needs a descriptor, and each connection one more.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve_all(count, Duration::from_millis(delay_ms)))
}

async fn serve_all(count: usize, delay: Duration) -> Result<(), Box<dyn Error>> {
    let mut ports = String::new();
    for _ in 0..count {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        ports += &format!("{}\n", listener.local_addr()?.port());
        tokio::spawn(accept(listener, delay));
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(ports.as_bytes())?;
    stdout.flush()?;
    drop(stdout);
    let until_closed = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(until_closed).await??;
    Ok(())
}

async fn accept(listener: TcpListener, delay: Duration) {
    while let Ok((stream, _)) = listener.accept().await {
        // A client that goes away is none of our business.
        tokio::spawn(async move { drop(answer(stream, delay).await) });
    }
}

async fn answer(mut stream: TcpStream, delay: Duration) -> std::io::Result<()> {
    let mut request = Vec::new();
    while request.len() < REQUEST_BYTES_MAX {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            tokio::time::sleep(delay).await;
            stream.write_all(ANSWER).await?;
        }
    }
    Ok(())
}
