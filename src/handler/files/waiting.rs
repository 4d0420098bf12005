//! Threads on which a location may wait for what its files lie on.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinError;

/// How many at once. A mount that hangs holds so many threads of the event loop's and not all.
const MOST: usize = 6;

#[derive(Clone, Debug)]
pub struct Waiting(Arc<Semaphore>);

impl Default for Waiting {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl Waiting {
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
        let (waiting, (hanging, writer)) = (Waiting::default(), std::io::pipe().unwrap());
        for _ in 0..MOST {
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
