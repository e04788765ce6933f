//! The library: folders whose files are shared where they lie.
//!
//! A scan compares a folder with the catalogue by size, time and inode, so that only what is new or changed is hashed.
//! The file system's notices, and readers that met a changed file, ask for another scan of the folder; now and then
//! every folder is scanned anyway, since notices get lost. One scan runs at a time, apart from the loop that listens.

mod hash;
mod scan;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use notify::{
    Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval_at, sleep_until},
};

use crate::{
    model::{Fault, Hashing, Outcome},
    store::Store,
};

/// How long a folder has to be quiet after a notice before it is scanned; copying a thousand files makes one scan.
const QUIET: Duration = Duration::from_millis(200);
/// How long after a scan that could not take everything the next one begins, unless a notice comes: on a full disk
/// there is no use in hashing over and over.
const RETRY: Duration = Duration::from_secs(3);
/// How often every folder is scanned without a notice.
const RESCAN: Duration = Duration::from_secs(600);
/// Notices that may wait; when there are more, every folder is scanned instead.
const NOTICES: usize = 1024;
/// Requests that may wait.
const REQUESTS: usize = 16;
/// Most folders that are shared.
const MAX_ROOTS: usize = 256;

enum Request {
    Share(PathBuf, oneshot::Sender<Outcome<PathBuf>>),
    Unshare(PathBuf, oneshot::Sender<Outcome<bool>>),
}

/// The shared folders of a node.
pub struct Library {
    requests: mpsc::Sender<Request>,
    progress: watch::Receiver<Hashing>,
    stopped: Arc<AtomicBool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What every scan needs.
struct Shelf {
    store: Arc<Store>,
    overlays: Vec<String>,
    progress: watch::Sender<Hashing>,
    stopped: Arc<AtomicBool>,
}

impl Library {
    /// Shares these folders in these overlays. Files of folders that were shared before and are not among them are
    /// withdrawn. The first scan runs behind this call's back; [`Library::progress`] tells how far it is.
    ///
    /// # Errors
    /// InvalidRequest that names a folder which is not there, Unavailable when the system gives no notices.
    pub async fn start(store: Arc<Store>, roots: Vec<PathBuf>, overlays: Vec<String>) -> Outcome<Self> {
        let (requests, inbox) = mpsc::channel(REQUESTS);
        let (sender, progress) = watch::channel(Hashing { busy: true, ..Hashing::default() });
        let stopped = Arc::new(AtomicBool::new(false));
        let suspects = store.suspects();
        let shelf = Arc::new(Shelf { store, overlays, progress: sender, stopped: Arc::clone(&stopped) });
        let mut keeper = Keeper::new(shelf)?;
        for root in roots {
            keeper.share(&root).await?;
        }
        keeper.drop_former().await?;
        let task = Mutex::new(Some(tokio::spawn(keeper.run(inbox, suspects))));
        Ok(Self { requests, progress, stopped, task })
    }

    /// Shares one more folder, or one file; answers its path without links.
    ///
    /// # Errors
    /// InvalidRequest when it is not there, TooLarge when too many are shared.
    pub async fn share(&self, path: &Path) -> Outcome<PathBuf> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Share(path.to_owned(), reply), answer).await
    }

    /// No longer shares a folder; false when it was not shared.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn unshare(&self, path: &Path) -> Outcome<bool> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Unshare(path.to_owned(), reply), answer).await
    }

    /// How far the hashing is, now and whenever it changes.
    pub fn progress(&self) -> watch::Receiver<Hashing> {
        self.progress.clone()
    }

    /// Waits until no scan is running or due.
    pub async fn settled(&self) {
        // An error means that the library has stopped, and then nothing is due any more.
        let _ = self.progress().wait_for(|progress| !progress.busy).await;
    }

    /// Stops watching and hashing; what was hashed is kept.
    pub async fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            // Aborted on purpose: that it did not finish is no news.
            let _ = task.await;
        }
    }

    async fn ask<T>(&self, request: Request, answer: oneshot::Receiver<Outcome<T>>) -> Outcome<T> {
        let stopped = || Fault::unavailable("the node is shutting down");
        self.requests.send(request).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
    }
}

/// The loop that listens, and what only it touches.
struct Keeper {
    shelf: Arc<Shelf>,
    roots: BTreeSet<PathBuf>,
    /// Folders to scan.
    due: BTreeSet<PathBuf>,
    due_at: Instant,
    watcher: RecommendedWatcher,
    notices: mpsc::Receiver<PathBuf>,
    /// Notices were lost.
    lost: Arc<AtomicBool>,
}

impl Keeper {
    fn new(shelf: Arc<Shelf>) -> Outcome<Self> {
        let (sender, notices) = mpsc::channel(NOTICES);
        let lost = Arc::new(AtomicBool::new(false));
        let losing = Arc::clone(&lost);
        let handler = move |notice: notify::Result<notify::Event>| match notice {
            Ok(event) if !matters(&event.kind) => {}
            Ok(event) if !event.need_rescan() => {
                for path in event.paths {
                    if sender.try_send(path).is_err() {
                        losing.store(true, Ordering::Release);
                    }
                }
            }
            _ => losing.store(true, Ordering::Release),
        };
        let config = Config::default().with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(handler, config)
            .map_err(|error| Fault::unavailable(format!("shared folders cannot be watched: {error}")))?;
        let (roots, due) = (BTreeSet::new(), BTreeSet::new());
        Ok(Self { shelf, roots, due, due_at: Instant::now(), watcher, notices, lost })
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Request>, mut suspects: broadcast::Receiver<PathBuf>) {
        let mut rescan = interval_at(Instant::now() + RESCAN, RESCAN);
        rescan.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut scan: Option<JoinHandle<bool>> = None;
        loop {
            if self.lost.swap(false, Ordering::AcqRel) {
                self.all_due();
            }
            let busy = scan.is_some() || !self.due.is_empty();
            self.shelf.progress.send_if_modified(|progress| std::mem::replace(&mut progress.busy, busy) != busy);
            tokio::select! {
                request = inbox.recv() => match request {
                    Some(request) => self.answer(request).await,
                    None => break,
                },
                Some(path) = self.notices.recv() => self.notice(&path),
                suspect = suspects.recv() => self.suspect(suspect).await,
                _ = rescan.tick() => self.all_due(),
                again = async { match &mut scan { Some(scan) => scan.await, None => std::future::pending().await } } => {
                    scan = None;
                    if !matches!(again, Ok(false)) {
                        self.all_due();
                        self.due_at = Instant::now() + RETRY;
                    }
                    self.shelf.progress.send_modify(|progress| progress.scans += 1);
                }
                () = sleep_until(self.due_at), if scan.is_none() && !self.due.is_empty() => {
                    let roots = std::mem::take(&mut self.due).into_iter().collect();
                    scan = Some(tokio::spawn(scan::scan(Arc::clone(&self.shelf), roots)));
                }
            }
        }
        if let Some(scan) = scan {
            scan.abort();
        }
    }

    async fn answer(&mut self, request: Request) {
        // Whoever asked and went away needs no answer.
        match request {
            Request::Share(path, reply) => drop(reply.send(self.share(&path).await)),
            Request::Unshare(path, reply) => drop(reply.send(self.unshare(&path).await)),
        }
    }

    async fn share(&mut self, path: &Path) -> Outcome<PathBuf> {
        let root = tokio::fs::canonicalize(path).await;
        let root =
            root.map_err(|error| Fault::invalid(format!("share: {} cannot be shared: {error}", path.display())))?;
        if self.roots.iter().any(|known| root.starts_with(known)) {
            return Ok(root);
        }
        if self.roots.len() >= MAX_ROOTS {
            return Err(Fault::too_large(format!("share: {MAX_ROOTS} folders are shared, which is the limit")));
        }
        let inside: Vec<PathBuf> = self.roots.iter().filter(|known| known.starts_with(&root)).cloned().collect();
        for known in inside {
            self.unshare(&known).await?;
        }
        if let Err(error) = self.watcher.watch(&root, RecursiveMode::Recursive) {
            let every = RESCAN.as_secs();
            tracing::warn!(root = %root.display(), %error, "the folder cannot be watched, it is scanned every {every} s");
        }
        self.roots.insert(root.clone());
        self.due.insert(root.clone());
        Ok(root)
    }

    async fn unshare(&mut self, path: &Path) -> Outcome<bool> {
        let root = tokio::fs::canonicalize(path).await.unwrap_or_else(|_| path.to_owned());
        if !self.roots.remove(&root) {
            return Ok(false);
        }
        self.due.remove(&root);
        // A folder that could not be watched is not watched, and that is what is wanted.
        let _ = self.watcher.unwatch(&root);
        scan::forget_root(&self.shelf.store, &root).await?;
        // A scan that is running may just have put files of the folder back.
        self.all_due();
        Ok(true)
    }

    async fn drop_former(&self) -> Outcome<()> {
        for root in self.shelf.store.roots().await? {
            if !self.roots.contains(&root) {
                scan::forget_root(&self.shelf.store, &root).await?;
            }
        }
        Ok(())
    }

    fn notice(&mut self, path: &Path) {
        if let Some(root) = self.roots.iter().find(|root| path.starts_with(root)).cloned() {
            self.due.insert(root);
            self.due_at = Instant::now() + QUIET;
        }
    }

    async fn suspect(&mut self, suspect: Result<PathBuf, broadcast::error::RecvError>) {
        match suspect {
            Ok(path) => {
                if let Err(error) = self.shelf.store.distrust(std::slice::from_ref(&path)).await {
                    tracing::error!(%error, "a changed file could not be withdrawn");
                }
                self.notice(&path);
                self.due_at = Instant::now();
            }
            Err(_) => self.all_due(),
        }
    }

    fn all_due(&mut self) {
        self.due.clone_from(&self.roots);
        self.due_at = Instant::now() + QUIET;
    }
}

/// Whether a notice says that something may have changed; reading a file, as the hashing does, must not.
fn matters(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
mod tests;
