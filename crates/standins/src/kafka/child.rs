//! Owns the life of one child process: started again when it dies, stopped when told, and never alive after us.
//!
//! The kernel kills the child when the *thread* that spawned it ends (PR_SET_PDEATHSIG). That thread is the supervisor,
//! which ends only after the child; so the child dies with this process, however this process ends.
#![expect(unsafe_code, reason = "a hook between fork and exec is the only place to ask for the death signal")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

/// How often the child's life is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the child has to end by itself before it is killed.
const STOP_MAX: Duration = Duration::from_secs(15);
const RESTART_MIN: Duration = Duration::from_millis(200);
const RESTART_MAX: Duration = Duration::from_secs(10);

/// A child that is kept alive. Dropping it kills the child and waits for its end.
#[derive(Debug)]
pub(super) struct Supervised {
    orders: Sender<Order>,
    life: Arc<Life>,
    supervisor: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Stop,
    Kill,
}

/// What others may know about the child.
#[derive(Debug, Default)]
struct Life {
    /// 0 while there is none.
    pid: AtomicU32,
    deaths: AtomicU32,
}

impl Supervised {
    /// Starts the child that `command` makes, and makes another whenever it dies.
    pub(super) fn start(
        name: &'static str,
        command: impl Fn() -> io::Result<Command> + Send + 'static,
    ) -> Supervised {
        let (orders, inbox) = mpsc::channel();
        let life = Arc::new(Life::default());
        let known = Arc::clone(&life);
        let supervisor = std::thread::Builder::new()
            .name(format!("{name}-keeper"))
            .spawn(move || supervise(name, &command, &inbox, &known))
            .expect("the system has threads left");
        Supervised { orders, life, supervisor: Some(supervisor) }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        Some(self.life.pid.load(Ordering::Acquire)).filter(|pid| *pid != 0)
    }

    /// Returns how often the child has died unasked.
    pub(super) fn deaths(&self) -> u32 {
        self.life.deaths.load(Ordering::Acquire)
    }

    /// Asks the child to end, kills it if it does not, and returns when it is gone.
    pub(super) async fn stop(mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(supervisor) = self.supervisor.take() {
            let _ = tokio::task::spawn_blocking(move || supervisor.join()).await;
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Kill);
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.join();
        }
    }
}

/// Ties the child that `command` will start to the calling thread: it is killed when the thread ends.
pub(super) fn tie_to_this_thread(command: &mut Command) {
    let parent = getpid();
    // A group of its own: Ctrl-C in the terminal is for us, and the broker is needed until we have drained.
    command.process_group(0);
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; these are two bare system calls, and the
    // error is made without allocation.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // A parent that died before the line above was heard sends no signal any more.
            if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
        });
    }
}

fn supervise(name: &str, command: &dyn Fn() -> io::Result<Command>, orders: &Receiver<Order>, life: &Life) {
    let mut wait = RESTART_MIN;
    loop {
        let born = Instant::now();
        match spawn(command) {
            Ok(mut child) => {
                life.pid.store(child.id(), Ordering::Release);
                let end = attend(&mut child, orders);
                life.pid.store(0, Ordering::Release);
                let Some(status) = end else { return };
                tracing::error!("{name} ended unasked ({status}); it is started again");
            }
            Err(error) => tracing::error!("start {name}: {error}"),
        }
        life.deaths.fetch_add(1, Ordering::AcqRel);
        wait = if born.elapsed() > RESTART_MAX { RESTART_MIN } else { (wait * 2).min(RESTART_MAX) };
        if !matches!(orders.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

fn spawn(command: &dyn Fn() -> io::Result<Command>) -> io::Result<Child> {
    let mut command = command()?;
    tie_to_this_thread(&mut command);
    command.spawn()
}

/// Waits for the child's end. Returns its status if it came unasked.
fn attend(child: &mut Child, orders: &Receiver<Order>) -> Option<ExitStatus> {
    loop {
        match orders.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Stop) => {
                end(child);
                return None;
            }
            Ok(Order::Kill) | Err(RecvTimeoutError::Disconnected) => {
                kill(child);
                return None;
            }
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
    }
}

fn end(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok()) {
        let deadline = Instant::now() + STOP_MAX;
        while Instant::now() < deadline {
            if let Ok(Some(_)) = child.try_wait() {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
    kill(child);
}

fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> io::Result<Command> {
        let mut command = Command::new("sleep");
        command.arg("600");
        Ok(command)
    }

    fn is_alive(pid: u32) -> bool {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::test_kill_process(pid).is_ok()
    }

    fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(found) = check() {
                return found;
            }
            assert!(Instant::now() < deadline, "waited too long for {what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_child_that_dies_is_started_again_and_dropping_kills_it() {
        let child = Supervised::start("sleeper", sleeper);
        let first = wait_for("the first child", || child.pid());
        kill_process(Pid::from_raw(i32::try_from(first).unwrap()).unwrap(), Signal::KILL).unwrap();
        let second = wait_for("the second child", || child.pid().filter(|pid| *pid != first));
        assert_eq!(child.deaths(), 1);
        drop(child);
        assert!(!is_alive(second));
    }

    #[test]
    fn a_child_dies_with_the_thread_that_started_it() {
        let spawned = std::thread::spawn(|| spawn(&sleeper).unwrap());
        let mut child = spawned.join().unwrap();
        let status = wait_for("the child's end", || child.try_wait().unwrap());
        assert!(!status.success());
    }
}
