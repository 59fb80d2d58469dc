//! A host that stops or kills pixel workers: images wait for it, within bounds, and are not taken for bad ones.

use rustix::process::{Pid, Signal, kill_process};
use street::stack::Stack;
use street::tools::{binary, photo};

/// Returns the pixel workers of the stack's processor.
fn workers(stack: &Stack) -> Vec<Pid> {
    let tasks = format!("/proc/{}/task", stack.process().pid().as_raw_nonzero());
    let tasks = std::fs::read_dir(tasks).expect("`up` runs").flatten();
    let children =
        tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let is_worker = |pid: &Pid| {
        let command = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
        command.starts_with(darkroom::worker::WORKER_ARG.as_bytes())
    };
    let pids = children.flat_map(|line| line.split_whitespace().map(str::parse::<i32>).collect::<Vec<_>>());
    pids.filter_map(|pid| Pid::from_raw(pid.ok()?)).filter(is_worker).collect()
}

/// Sends each of them a signal; one that is gone already needs none.
fn signal_all(workers: &[Pid], signal: Signal) {
    for worker in workers {
        kill_process(*worker, signal).ok();
    }
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn an_image_whose_workers_are_stopped_is_processed_by_new_ones() {
    let stack = Stack::up_with(&["--kafka", "embedded"], &env(&[("SAFELIGHT_WALL_SECS", "2")])).await;
    let api = stack.api("acme");
    api.processed(&api.upload(&photo("friends.jpg")).await).await;
    let stopped = workers(&stack);
    assert!(stopped.len() >= 2, "one idle and spares: {stopped:?}");
    signal_all(&stopped, Signal::STOP);
    api.processed(&api.upload(&photo("friends.jpg")).await).await;
}

#[tokio::test]
async fn an_image_whose_every_worker_is_killed_is_rejected_in_the_hosts_name() {
    let worker = binary("hostile_worker").display().to_string();
    let settings = [
        ("SAFELIGHT_WORKER_PROGRAM", worker.as_str()),
        ("SAFELIGHT_WALL_SECS", "60"),
        ("SAFELIGHT_HOST_TRIES_MAX", "3"),
    ];
    let stack = Stack::up_with(&["--kafka", "embedded"], &env(&settings)).await;
    let api = stack.api("acme");
    let hanging = [&photo("friends.jpg"), &b"do:hang"[..]].concat();
    let id = api.upload(&hanging).await;
    let killer = async {
        let mut pace = tokio::time::interval(std::time::Duration::from_millis(500));
        loop {
            pace.tick().await;
            signal_all(&workers(&stack), Signal::KILL);
        }
    };
    let image = tokio::select! {
        image = api.failed(&id, "decode_memory") => image,
        () = killer => unreachable!("it kills until the image has ended"),
    };
    let detail = image["failure"]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("the host is the cause, not the file: the worker was killed from outside"),
        "{detail}"
    );
    assert!(detail.ends_with("; 3 tries, each with a new worker"), "{detail}");
    api.processed(&api.upload(&photo("friends.jpg")).await).await;
}
