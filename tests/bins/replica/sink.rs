//! Destinations of the log that can fail.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lease_tests::replica::Sink;
use rustix::fd::OwnedFd;
use tracing_subscriber::fmt::MakeWriter;

/// Starts the fault of a sink.
pub(crate) struct Trouble {
    begun: Arc<AtomicBool>,
    pipe: Option<Pipe>,
}

/// Both ends of a pipe that is not read.
struct Pipe {
    _reader: OwnedFd,
    writer: OwnedFd,
}

impl Trouble {
    pub(crate) fn begin(&mut self) {
        self.begun.store(true, Ordering::SeqCst);
        if let Some(pipe) = self.pipe.take() {
            // Fills the pipe.
            std::thread::spawn(move || while rustix::io::write(&pipe.writer, &[b'.'; 4096]).is_ok() {});
        }
    }
}

/// Directs the log to `sink`.
pub(crate) fn install(sink: Sink) -> Trouble {
    let begun = Arc::new(AtomicBool::new(false));
    let pipe = (sink == Sink::Pipe).then(|| {
        let (reader, writer) = rustix::pipe::pipe().expect("no pipe");
        rustix::stdio::dup2_stdout(&writer).expect("standard output cannot be replaced");
        rustix::stdio::dup2_stderr(&writer).expect("standard error cannot be replaced");
        Pipe { _reader: reader, writer }
    });
    tracing_subscriber::fmt()
        .with_writer(Lines { sink, begun: begun.clone() })
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_env_filter("info,lease_runtime=debug")
        .init();
    Trouble { begun, pipe }
}

#[derive(Clone)]
struct Lines {
    sink: Sink,
    begun: Arc<AtomicBool>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match (self.sink, self.begun.load(Ordering::SeqCst)) {
            (Sink::Blocks, true) => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            (Sink::Panics, true) => panic!("the log is broken"),
            (Sink::Slow(span), _) => std::thread::sleep(span),
            (Sink::Pipe, _) => return io::stdout().write(line),
            _ => {}
        }
        io::stderr().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
