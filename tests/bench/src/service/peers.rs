//! Owns the other services: ipx in one process with a thread pool as wide as the machine, thumbor as one process a
//! core. Both read the photos from disk and answer with one rendition a request; an image is done when three have been
//! read.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};

use super::child::{Program, free_port};
use super::clients::agent;
use crate::engine::Places;
use crate::samples::SIDES;

/// A running service.
pub(crate) struct Peer {
    programs: Vec<Program>,
    ports: Vec<u16>,
    path: fn(u32, &str) -> String,
    photos: Vec<String>,
    next: AtomicUsize,
    http: ureq::Agent,
}

impl Peer {
    /// Starts ipx on the photos of a folder.
    pub(crate) fn ipx(places: &Places, cores: usize, folder: &Path, photos: &[String]) -> Result<Peer> {
        let mut command = Command::new("node");
        command.arg(places.scripts.join("ipx.mjs")).arg(folder);
        command.env("BENCH_NODE", places.peers.join("node"));
        // libuv's own default is four; more cores than that would idle.
        command.env("UV_THREADPOOL_SIZE", (cores * 2).max(4).to_string());
        let mut program = Program::start(&command, &folder.join("ipx.log"))?;
        let port =
            program.first_line().context("start ipx")?["port"].as_u64().context("ipx names its port")?;
        let path = |side, photo: &str| format!("/f_jpeg,q_80,fit_inside,s_{side}x{side}/{photo}");
        Ok(Peer::new(vec![program], vec![u16::try_from(port)?], path, photos))
    }

    /// Starts thumbor on the photos of a folder.
    pub(crate) fn thumbor(places: &Places, cores: usize, folder: &Path, photos: &[String]) -> Result<Peer> {
        let config = folder.join("thumbor.conf");
        let words = format!(
            "LOADER = 'thumbor.loaders.file_loader'\nFILE_LOADER_ROOT_PATH = '{}'\n\
             STORAGE = 'thumbor.storages.no_storage'\nQUALITY = 80\n",
            folder.display()
        );
        std::fs::write(&config, words)?;
        let (mut programs, mut ports) = (Vec::new(), Vec::new());
        for core in 0..cores {
            let port = free_port()?;
            let mut command = Command::new(places.python("thumbor"));
            command
                .args(["-m", "thumbor.server", "--ip", "127.0.0.1", "--port", &port.to_string(), "--conf"])
                .arg(&config);
            let mut program = Program::start(&command, &folder.join(format!("thumbor-{core}.log")))?;
            program.listens(port).context("start thumbor")?;
            programs.push(program);
            ports.push(port);
        }
        let path = |side, photo: &str| format!("/unsafe/fit-in/{side}x{side}/{photo}");
        Ok(Peer::new(programs, ports, path, photos))
    }

    fn new(
        programs: Vec<Program>,
        ports: Vec<u16>,
        path: fn(u32, &str) -> String,
        photos: &[String],
    ) -> Peer {
        let (photos, next, http) = (photos.to_vec(), AtomicUsize::new(0), agent());
        Peer { programs, ports, path, photos, next, http }
    }

    /// One image: its three renditions, one after the other, from the process that is this client's.
    pub(crate) fn image(&self, client: usize) -> Result<()> {
        debug_assert_eq!(self.programs.len(), self.ports.len());
        let port = self.ports[client % self.ports.len()];
        let photo = &self.photos[self.next.fetch_add(1, Ordering::Relaxed) % self.photos.len()];
        for &side in SIDES {
            let url = format!("http://127.0.0.1:{port}{}", (self.path)(side, photo));
            let mut answer = self.http.get(&url).call().with_context(|| format!("get {url}"))?;
            let bytes = answer.body_mut().read_to_vec()?;
            ensure!(bytes.starts_with(&[0xff, 0xd8]), "{url} is not a JPEG");
        }
        Ok(())
    }
}
