//! How much memory there is for this process to take, as the kernel and its control group have it.

use std::fs;
use std::path::Path;

/// Of the machine, or of the control group that has the least to spare. In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub total: u64,
    /// Without what the kernel keeps of files, which it gives up for this.
    pub available: u64,
}

impl Memory {
    /// As of now. `None` where nothing tells.
    pub fn look() -> Option<Self> {
        let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| of_machine(&text));
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        // Version 2 only, where each group is a directory within its parent's.
        let group = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        let root = Path::new("/sys/fs/cgroup");
        let path = root.join(group);
        let groups = path.ancestors().take_while(|path| path.starts_with(root)).filter_map(of_directory);
        machine.into_iter().chain(groups).min_by_key(|memory| memory.available)
    }
}

fn of_machine(meminfo: &str) -> Option<Memory> {
    let kilobytes = |name: &str| {
        let value = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        value.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    let (total, available) = (kilobytes("MemTotal")?, kilobytes("MemAvailable")?);
    Some(Memory { total: total * 1024, available: available * 1024 })
}

fn of_directory(group: &Path) -> Option<Memory> {
    let [most, current, stat] =
        ["max", "current", "stat"].map(|name| fs::read_to_string(group.join(format!("memory.{name}"))));
    of_group(&most.ok()?, &current.ok()?, &stat.ok()?)
}

/// `None` for a group without a limit.
fn of_group(most: &str, current: &str, stat: &str) -> Option<Memory> {
    let total: u64 = most.trim().parse().ok()?;
    let current: u64 = current.trim().parse().ok()?;
    let of = |name: &str| {
        let value = stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse::<u64>().ok()).unwrap_or_default()
    };
    let given_up = of("inactive_file") + of("active_file") + of("slab_reclaimable");
    Some(Memory { total, available: total.saturating_sub(current.saturating_sub(given_up)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells() {
        let memory = Memory::look().unwrap();
        assert!(memory.available > 0 && memory.available <= memory.total);
    }

    #[test]
    fn the_kernel_s_words_are_understood() {
        let text = "MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:    4000 kB\n";
        assert_eq!(of_machine(text), Some(Memory { total: 8_192_000, available: 4_096_000 }));
        assert_eq!(of_machine("MemTotal: 8000 kB\n"), None);
    }

    #[test]
    fn files_that_a_group_has_in_memory_are_to_spare() {
        let stat = "anon 500\nfile 400\ninactive_file 100\nactive_file 200\nslab_reclaimable 50\n";
        assert_eq!(of_group("1000\n", "900\n", stat), Some(Memory { total: 1000, available: 450 }));
        assert_eq!(of_group("max\n", "900\n", stat), None);
    }
}
