//! All integration tests in one binary, so that DataFusion is linked once.

fn main() -> std::process::ExitCode {
    let args = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&args, integration_tests::trials()).exit_code()
}
