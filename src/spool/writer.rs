//! A body on its way to disk.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{Spool, SpoolError, SpoolFile};

/// Makes its file with the first bytes.
#[derive(Debug)]
pub struct Writer {
    spool: Arc<Spool>,
    file: Option<Arc<SpoolFile>>,
    written: u64,
}

impl Writer {
    pub fn new(spool: &Arc<Spool>) -> Self {
        Self { spool: Arc::clone(spool), file: None, written: 0 }
    }

    /// Appends all of `bytes` and clears them. After an error they are untouched, and the file
    /// is as long as before.
    pub async fn append(&mut self, bytes: &mut BytesMut) -> Result<(), SpoolError> {
        let shared = std::mem::take(bytes).freeze();
        let result = self.write(shared.clone()).await;
        // The memory itself, unless a call that was given up still has it.
        *bytes = shared.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        result?;
        bytes.clear();
        Ok(())
    }

    /// Appends all of `piece`. After an error the file is as long as before.
    pub async fn write(&mut self, piece: Bytes) -> Result<(), SpoolError> {
        let file = self.file().await?;
        let (offset, length) = (self.written, piece.len() as u64);
        self.spool.wait_for_disk(move || file.write_at(&piece, offset)).await?;
        self.written += length;
        Ok(())
    }

    async fn file(&mut self) -> Result<Arc<SpoolFile>, SpoolError> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let spool = Arc::clone(&self.spool);
        let made = self.spool.wait_for_disk(move || SpoolFile::create(&spool).map(Arc::new)).await?;
        Ok(Arc::clone(self.file.insert(made)))
    }

    /// The file and how many bytes are in it so far; `None` if nothing was written.
    pub fn written(&self) -> Option<(&Arc<SpoolFile>, u64)> {
        self.file.as_ref().filter(|_| self.written > 0).map(|file| (file, self.written))
    }

    /// The same of a body that is whole.
    pub fn finish(self) -> Option<(Arc<SpoolFile>, u64)> {
        self.file.filter(|_| self.written > 0).map(|file| (file, self.written))
    }

    pub fn is_begun(&self) -> bool {
        self.written > 0
    }
}
