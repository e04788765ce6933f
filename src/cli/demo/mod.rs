//! stub
use clap::Args;
/// x
#[derive(Args)]
pub struct Demo {}
impl Demo {
    pub async fn run(self) -> anyhow::Result<()> {
        Ok(())
    }
}
