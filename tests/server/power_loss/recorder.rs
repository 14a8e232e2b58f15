use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader as AsyncBufReader},
    process::{Child, Command},
    sync::oneshot,
};

use super::disk::{Crash, Disk, Files};

const CRASHES: [Crash; 6] =
    [Crash::Killed, Crash::PowerLoss, Crash::NamesKept, Crash::LengthsKept, Crash::BytesKept, Crash::LastNameKept];

/// What crashes leave after a call of the server's.
pub(super) struct Moment {
    /// What it was, for whoever reads that a check failed.
    pub(super) call: String,
    pub(super) left: Vec<(Crash, Files)>,
}

/// The command as a server that stands still after each change of its directory until all crashes are recorded.
pub(super) struct Recorder {
    server: Child,
    dir: TempDir,
    syncs: bool,
    listener: JoinHandle<(Vec<Moment>, Vec<Vec<u8>>)>,
    moments: Arc<AtomicUsize>,
    stopped: Option<oneshot::Receiver<()>>,
    pub(super) page: String,
}

/// Where a server has its data, below the directory that is recorded: the server makes this one itself.
pub(super) const DATA: &str = "srv/data";

impl Recorder {
    pub(super) async fn start(syncs: bool) -> Self {
        Self::start_until(syncs, None).await
    }

    /// At that moment the server stands still for good.
    pub(super) async fn start_until(syncs: bool, last: Option<usize>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        compile_shim(dir.path());
        let recorded = recorded(dir.path());
        std::fs::create_dir(&recorded).unwrap();
        let moments = Arc::new(AtomicUsize::new(0));
        let socket = UnixListener::bind(dir.path().join("socket")).unwrap();
        let (stop, stopped) = oneshot::channel();
        let stop = last.map(|last| (last, stop));
        let (disk, counter) = (Disk::new(&recorded), Arc::clone(&moments));
        let listener = std::thread::spawn(move || record(&socket, disk, &counter, stop));
        let (server, page) = serve(dir.path(), syncs).await;
        Self { server, dir, syncs, listener, moments, stopped: Some(stopped), page }
    }

    /// Until the server stands still for good.
    pub(super) async fn until_stopped(&mut self) {
        self.stopped.take().unwrap().await.unwrap();
    }

    /// Kills it, and starts another on what it left.
    pub(super) async fn restart(&mut self) {
        self.server.kill().await.unwrap();
        (self.server, self.page) = serve(self.dir.path(), self.syncs).await;
    }

    /// How many there are by now. What is answered by now is so also in the last of them.
    pub(super) fn moments(&self) -> usize {
        self.moments.load(Ordering::SeqCst)
    }

    pub(super) fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.moments)
    }

    /// All of them, and the contents that their files name.
    pub(super) async fn stop(mut self) -> (Vec<Moment>, Vec<Vec<u8>>) {
        self.server.kill().await.unwrap();
        self.listener.join().unwrap()
    }
}

/// As the system names it.
fn recorded(dir: &Path) -> PathBuf {
    dir.canonicalize().unwrap().join("recorded")
}

/// Starts the server, and says where its page is.
async fn serve(dir: &Path, syncs: bool) -> (Child, String) {
    let (shim, socket, recorded) = (dir.join("shim.so"), dir.join("socket"), recorded(dir));
    let data = recorded.join(DATA);
    let variables = [
        ("LD_PRELOAD", shim.as_path()),
        ("SHIM_SOCKET", &socket),
        ("SHIM_DIR", &recorded),
        ("EMBEDDED_S3_DIR", &data),
        ("EMBEDDED_S3_ADDR", Path::new("127.0.0.1:0")),
        ("EMBEDDED_S3_FSYNC", Path::new(if syncs { "true" } else { "false" })),
        ("UPLOAD_META", Path::new("page")),
        ("LEPTOS_SITE_ADDR", Path::new("127.0.0.1:0")),
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_leptos-aws-s3"));
    command.env_clear().envs(variables).current_dir(dir).kill_on_drop(true).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut lines = AsyncBufReader::new(server.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    let page = loop {
        let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("it ended: {said:?}"));
        match line.strip_prefix("Serving ") {
            Some(page) => break page.to_owned(),
            None => said.push(line),
        }
    };
    // What it says later must not fill the pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (server, page)
}

fn compile_shim(dir: &Path) {
    let (source, shim) = (dir.join("shim.c"), dir.join("shim.so"));
    std::fs::write(&source, include_str!("shim.c")).unwrap();
    let mut compiler = std::process::Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).args([&shim, &source]).args(["-ldl", "-lpthread"]);
    assert!(compiler.status().expect("Rust links with cc on Linux").success());
}

/// Of one server, or, where it is stopped, of the one that follows too.
fn record(
    socket: &UnixListener,
    mut disk: Disk,
    counter: &AtomicUsize,
    mut stop: Option<(usize, oneshot::Sender<()>)>,
) -> (Vec<Moment>, Vec<Vec<u8>>) {
    let mut moments = Vec::new();
    let servers = if stop.is_some() { 2 } else { 1 };
    for _ in 0..servers {
        let (mut process, _) = socket.accept().unwrap();
        let lines = BufReader::new(process.try_clone().unwrap()).lines();
        // Of many writes to a file the first is enough: it leaves half of something.
        let mut written = BTreeSet::new();
        for line in lines.map_while(Result::ok) {
            let (call, path) = line.split_once(' ').unwrap();
            let is_write = matches!(call, "write" | "copy_file_range");
            if !is_write {
                written.remove(path);
            }
            if !is_write || written.insert(path.to_owned()) {
                disk.observe(call, Path::new(path));
                let left = CRASHES.map(|crash| (crash, disk.after(crash))).into();
                let path = path.split_once("/recorded/").map_or(path, |(_, path)| path);
                moments.push(Moment { call: format!("{call} {path}"), left });
                counter.store(moments.len(), Ordering::SeqCst);
            }
            if let Some((_, stopped)) = stop.take_if(|(last, _)| *last == moments.len()) {
                stopped.send(()).unwrap();
            } else if process.write_all(b".").is_err() {
                break;
            }
        }
    }
    (moments, disk.contents)
}

/// Makes a directory with these files; the server's data are in [`DATA`].
pub(super) fn restore(files: &Files, contents: &[Vec<u8>]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    // Those above come before what is in them.
    for (path, content) in files.iter().collect::<BTreeMap<_, _>>() {
        let Ok(path) = path.strip_prefix(DATA) else { continue };
        let path = dir.path().join(path);
        match content {
            None => std::fs::create_dir_all(path).unwrap(),
            Some(content) => std::fs::write(path, &contents[*content]).unwrap(),
        }
    }
    dir
}
