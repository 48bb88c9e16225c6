//! The one binary.

fn main() -> std::process::ExitCode {
    chenbao::cli::main()
}
