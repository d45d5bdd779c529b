//! Memory that was freed, and that the allocator keeps for later.

/// Gives free memory back to the system. Takes milliseconds if there is much, and keeps other threads from allocating meanwhile.
///
/// Does nothing where the allocator is not glibc's: the others give memory back by themselves.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: this is the signature of malloc_trim(3). It takes any number, may be called by any thread at any time, and
        // changes nothing that is in use.
        unsafe extern "C" {
            safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        malloc_trim(0);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    #[test]
    fn free_memory_below_memory_in_use_is_given_back() {
        let before = resident();
        let many: Vec<Vec<u8>> = (0..4096).map(|_| vec![1; 16 << 10]).collect();
        let last = vec![1; 16 << 10];
        drop(many);
        assert!(resident() > before + (50 << 20), "the allocator keeps it");
        give_memory_back();
        assert!(resident() < before + (10 << 20));
        drop(last);
    }
}
