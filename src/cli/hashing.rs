//! Shows how far a node that starts is with hashing what it shares: a bar on a terminal, and lines in the log elsewhere.

use std::{
    io::{self, Write},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar};
use tokio::{sync::watch, time::Instant};

use super::{progress, units};
use crate::model::Hashing;

/// How often the bar moves.
const FRAME: Duration = Duration::from_millis(100);
/// How often the log says something when there is no terminal.
const REPORT: Duration = Duration::from_secs(10);

/// Standard error, shared between log lines and bars so that neither tears the other.
#[derive(Clone, Default)]
pub struct Screen(MultiProgress);

impl Screen {
    /// Whether somebody sees the bars.
    fn is_terminal(&self) -> bool {
        !self.0.is_hidden()
    }
}

impl Write for Screen {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(text)).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Follows the hashing until the node stops.
pub async fn follow(mut hashing: watch::Receiver<Hashing>, screen: Screen) {
    while hashing.wait_for(Hashing::is_under_way).await.is_ok() {
        let started = Instant::now();
        if screen.is_terminal() {
            draw(&mut hashing, &screen).await;
        } else {
            report(&mut hashing).await;
        }
        let last = hashing.borrow().clone();
        let (files, size) = (last.files_done, units::size(last.bytes_done));
        tracing::info!("hashed {files} shared files, {size}, in {:.1} s", started.elapsed().as_secs_f64());
    }
}

async fn draw(hashing: &mut watch::Receiver<Hashing>, screen: &Screen) {
    let bar: ProgressBar = screen.0.add(progress::bar("hashing shared files", 0));
    loop {
        let now = hashing.borrow_and_update().clone();
        bar.set_length(now.bytes_total);
        bar.set_position(now.bytes_done);
        bar.set_message(format!("hashing shared files, {} of {}", now.files_done, now.files_total));
        if !now.is_under_way() {
            break;
        }
        tokio::time::sleep(FRAME).await;
    }
    bar.finish_and_clear();
    screen.0.remove(&bar);
}

async fn report(hashing: &mut watch::Receiver<Hashing>) {
    let ended = async |hashing: &mut watch::Receiver<Hashing>| {
        // An error means that the node has stopped.
        let _ = hashing.wait_for(|now| !now.is_under_way()).await;
    };
    while tokio::time::timeout(REPORT, ended(hashing)).await.is_err() {
        tracing::info!("{}", sentence(&hashing.borrow()));
    }
}

fn sentence(now: &Hashing) -> String {
    let Hashing { files_done, files_total, bytes_done, bytes_total, .. } = now;
    let (done, total) = (units::size(*bytes_done), units::size(*bytes_total));
    format!("hashing shared files: {files_done} of {files_total}, {done} of {total}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_says_files_and_bytes() {
        let now =
            Hashing { files_done: 2, files_total: 10, bytes_done: 1_500, bytes_total: 9_000_000, ..Hashing::default() };
        assert_eq!(sentence(&now), "hashing shared files: 2 of 10, 1.5 kB of 9.0 MB");
    }

    #[tokio::test]
    async fn it_ends_with_the_hashing_and_with_the_node() {
        let busy = Hashing { files_total: 2, bytes_total: 2, busy: true, ..Hashing::default() };
        let (sender, receiver) = watch::channel(busy.clone());
        let following = tokio::spawn(follow(receiver, Screen::default()));
        tokio::task::yield_now().await;
        assert!(!following.is_finished());
        sender.send_replace(Hashing { files_done: 2, bytes_done: 2, ..busy });
        drop(sender);
        following.await.unwrap();
    }
}
