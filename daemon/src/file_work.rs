//! Runs work on files, which may block: on threads, so that the rest of the daemon does not wait for it, and a few at a time, so
//! that a daemon with very many sessions does not have a thread for each of them when it starts.

use std::sync::Arc;

use tokio::sync::Semaphore;

const AT_ONCE: usize = 8;

/// The limit for work on the files of one directory. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct FileWork(Arc<Semaphore>);

impl Default for FileWork {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl FileWork {
    /// Runs `work` when it has its turn; `None` if it panicked. Work that has begun is finished, even if the caller has gone, and
    /// keeps its turn until then.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        // The semaphore is never closed.
        let turn = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn work_is_limited_and_all_work_gets_a_turn() {
        let file_work = FileWork::default();
        let (at_work, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        // Each waits until all have arrived.
        let barrier = Arc::new(Barrier::new(AT_ONCE));
        let all: Vec<_> = (0..20 * AT_ONCE)
            .map(|_| {
                let (at_work, most, barrier) = (Arc::clone(&at_work), Arc::clone(&most), Arc::clone(&barrier));
                let work = move || {
                    most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    barrier.wait();
                    at_work.fetch_sub(1, Ordering::SeqCst);
                };
                let file_work = file_work.clone();
                tokio::spawn(async move { file_work.run(work).await })
            })
            .collect();
        for one in all {
            assert_eq!(one.await.expect("it ran"), Some(()));
        }
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_turn_back() {
        let file_work = FileWork::default();
        for _ in 0..=AT_ONCE {
            assert_eq!(file_work.run(|| -> () { std::panic::resume_unwind(Box::new(())) }).await, None);
        }
        assert_eq!(file_work.run(|| 1).await, Some(1));
    }
}
