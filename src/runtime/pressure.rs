//! Memory that runs short: no new clients until there is some again.

use std::sync::Arc;
use std::time::Duration;

use crate::net::Memory;
use crate::server::Room;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Memory is short below a sixty-fourth of it, within these bounds.
const PART: u64 = 64;
const LEAST: u64 = 8 << 20;
const MOST: u64 = 128 << 20;

/// Looks at the memory of the machine for as long as the process runs. Everything that a connection takes has a
/// bound of its own, so that none has to be cut off: it is enough to let no more of them in, and idle ones go.
pub async fn watch_memory(room: Arc<Room>) {
    let mut short = false;
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(memory) = Memory::look() else { return };
        let is_short = is_short(memory, short);
        if std::mem::replace(&mut short, is_short) != is_short {
            room.set_short_of_memory(short);
            let available = memory.available;
            if short {
                let remedy = "give the machine, or its control group, more memory";
                tracing::error!(available, remedy, "memory is short: new connections are refused by 503");
            } else {
                tracing::info!(available, "there is memory again: new connections are accepted");
            }
        }
    }
}

/// It takes twice as much to be over as to begin.
fn is_short(memory: Memory, was_short: bool) -> bool {
    let floor = (memory.total / PART).clamp(LEAST, MOST);
    memory.available < if was_short { 2 * floor } else { floor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_short_below_a_sixty_fourth_until_there_is_twice_that() {
        const MIB: u64 = 1 << 20;
        let memory = |total: u64, available: u64| Memory { total: total * MIB, available: available * MIB };
        assert!(is_short(memory(4096, 63), false) && !is_short(memory(4096, 64), false));
        assert!(is_short(memory(4096, 127), true) && !is_short(memory(4096, 128), true));
        assert!(is_short(memory(1 << 20, 127), false) && !is_short(memory(1 << 20, 128), false));
        assert!(is_short(memory(64, 7), false) && !is_short(memory(64, 8), false));
    }
}
