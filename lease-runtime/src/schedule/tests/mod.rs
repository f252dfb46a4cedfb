mod oracle;

use super::*;

#[test]
fn smoke() {
    let s = Schedule::cron("0 2 * * *", "Europe/Prague").unwrap();
    let o = s.next(&Mark::at(WallTime(0))).unwrap();
    assert_eq!(o.at, WallTime(3600 * MICROS));
}
