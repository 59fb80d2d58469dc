//! File descriptors: how many this process may have open. Every connection, file and pipe takes one, and the usual
//! soft limit of 1024 is an old default for programs that use `select`, not a bound that anybody chose.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on open descriptors to the hard one, and returns what holds then; `None` is no limit.
///
/// Where the system refuses, the soft limit stays as it was.
pub fn raise_descriptor_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Refused, it changes nothing: what holds is read again below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    descriptor_limit()
}

/// Returns how many descriptors this process may have open; `None` is no limit.
pub fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        assert_eq!(raise_descriptor_limit(), getrlimit(Resource::Nofile).maximum);
        assert_eq!(raise_descriptor_limit(), descriptor_limit(), "twice is once");
    }
}
