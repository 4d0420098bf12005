//! Threads on which something may wait for what files lie on.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinError;

/// So many threads, and no more. A mount that hangs holds them all for ever, which leaves the others of the event
/// loop for all other work.
#[derive(Clone, Debug)]
pub struct Waiting(Arc<Semaphore>);

impl Waiting {
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }

    /// Does what may take long on a thread of its own. Who gives up waiting does not end it there, and frees no
    /// place for another: the thread is held up all the same.
    ///
    /// # Errors
    /// The work panicked, or the process is about to end.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        // Never closed.
        let place = Arc::clone(&self.0).acquire_owned().await;
        let work = move || {
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::io::Read;
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use super::*;

    type Look = Pin<Box<dyn Future<Output = Result<usize, JoinError>>>>;

    /// Reads a pipe, which stands for a mount that hangs.
    fn look(waiting: &Waiting, pipe: &std::io::PipeReader) -> Look {
        let (waiting, mut pipe) = (waiting.clone(), pipe.try_clone().unwrap());
        Box::pin(async move { waiting.run(move || pipe.read(&mut [0]).unwrap()).await })
    }

    fn is_pending(look: &mut Look) -> bool {
        look.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[tokio::test]
    async fn who_gives_up_frees_no_place_while_the_thread_is_held_up() {
        let (waiting, (hanging, writer)) = (Waiting::new(6), std::io::pipe().unwrap());
        for _ in 0..6 {
            // Begun, and given up.
            assert!(is_pending(&mut look(&waiting, &hanging)));
        }
        assert_eq!(waiting.0.available_permits(), 0);
        let mut another = look(&waiting, &hanging);
        assert!(is_pending(&mut another));
        drop(writer);
        assert_eq!(another.await.unwrap(), 0);
    }
}
