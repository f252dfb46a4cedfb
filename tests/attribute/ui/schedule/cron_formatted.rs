use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = format!("{minute} 2 * * *"))]
async fn report(minute: u8) {
    let _ = minute;
}

fn main() {
    let _task = report(7);
}
