//! A PostgreSQL server of the tests' own, from Debian's binaries, in a temporary folder, once per process. A missing
//! binary is a loud failure, never a skipped test.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use super::app::process_folder;

/// Starts the server, says "ready", and waits: its standard input is a pipe from the test process and ends with it,
/// however it ends. Then the server is stopped and its folder removed.
const WATCHER: &str = r#"
"$1/pg_ctl" -D "$2/data" -w -t 120 -l "$2/log" -o "$3" start </dev/null >/dev/null 2>&1 && echo ready || echo failed
cat >/dev/null
"$1/pg_ctl" -D "$2/data" -m immediate stop </dev/null >/dev/null 2>&1
rm -rf "$2"
"#;

struct Cluster {
    binaries: PathBuf,
    port: u16,
    /// Holds the pipe open; never read.
    _watcher: Child,
}

/// The address of a new, empty database.
pub fn database() -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // One at a time: two that copy the same template can get in each other's way.
    static GATE: Mutex<()> = Mutex::new(());
    let cluster = CLUSTER.get_or_init(start);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::SeqCst));
    let port = cluster.port.to_string();
    let _gate = GATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let arguments = [
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-U",
        "postgres",
        "-T",
        "template0",
        &name,
    ];
    run(Command::new(cluster.binaries.join("createdb")).args(arguments));
    format!("postgres://postgres@127.0.0.1:{port}/{name}")
}

fn start() -> Cluster {
    let binaries = binaries();
    let folder = process_folder("postgres");
    let user = server_user();
    if let Some(user) = &user {
        run(Command::new("chown").arg(user).arg(&folder));
    }
    let data = folder.join("data");
    let options = [
        "--username=postgres",
        "--auth=trust",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C",
    ];
    run(as_user(user.as_deref(), &binaries.join("initdb"))
        .arg("-D")
        .arg(&data)
        .args(options)
        .current_dir(&folder));
    let port = free_port();
    let flags = format!("-p {port} -h 127.0.0.1 -k {} -F -N 200", folder.display());
    let mut watcher = as_user(user.as_deref(), Path::new("sh"))
        .args(["-c", WATCHER, "sh"])
        .arg(&binaries)
        .arg(&folder)
        .arg(flags)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(watcher.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    if line.trim() != "ready" {
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL does not start; its log says:\n{log}");
    }
    Cluster {
        binaries,
        port,
        _watcher: watcher,
    }
}

/// The newest installed version's programs.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let complete = |bin: &PathBuf| {
        ["initdb", "pg_ctl", "postgres", "createdb"]
            .iter()
            .all(|name| bin.join(name).is_file())
    };
    let number = |entry: &std::fs::DirEntry| entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
    versions
        .map(|entry| (number(&entry), entry.path().join("bin")))
        .filter(|(_, bin)| complete(bin))
        .max_by_key(|(version, _)| *version)
        .map(|(_, bin)| bin)
        .unwrap_or_else(|| {
            panic!(
                "PostgreSQL's server programs are not in /usr/lib/postgresql/*/bin, and half of the store's tests run on \
                 them: `sudo apt-get install postgresql` (or run `make test`, which installs it)"
            )
        })
}

/// PostgreSQL refuses to run as root: the account it runs as then.
fn server_user() -> Option<String> {
    let output = |arguments: &[&str]| Command::new("id").args(arguments).output().unwrap();
    if output(&["-u"]).stdout.trim_ascii() != b"0" {
        return None;
    }
    let known = output(&["-u", "postgres"]).status.success();
    Some(if known { "postgres" } else { "nobody" }.to_owned())
}

fn as_user(user: Option<&str>, program: &Path) -> Command {
    match user {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]).arg(program);
            command
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn run(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
