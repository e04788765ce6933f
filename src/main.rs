//! The program.
fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let config = std::env::args().nth(2).map(Into::into);
    let ready_file = std::env::args().nth(3).map(Into::into);
    let rt = tokio::runtime::Runtime::new().unwrap();
    rt.block_on(peergate::node::serve(peergate::node::ServeOptions { config, ready_file, ..Default::default() }))
        .unwrap();
}
