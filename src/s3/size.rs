/// A number of bytes for people, in binary units: `1.5 MiB`.
#[must_use]
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return if bytes == 1 { "1 byte".into() } else { format!("{bytes} bytes") };
    }
    let mut unit = 0;
    let mut tenths = (bytes / 1024).saturating_mul(10).saturating_add(bytes % 1024 * 10 / 1024);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        let read = [0, 1, 1023, 1024, 1536, 16 << 20, u64::MAX].map(human_size);
        assert_eq!(read, ["0 bytes", "1 byte", "1023 bytes", "1.0 KiB", "1.5 KiB", "16.0 MiB", "15.9 EiB"]);
    }
}
