//! The header against a C compiler: one layout on both sides, and the C example builds without a warning.

use chenbao_plugin::abi::{
    ABI_MAJOR, ABI_MINOR, ArrowArrayStream, CbBuf, CbComputeArgs, CbEntry, CbError, CbHost,
    CbInput, CbMetricApi, CbOutput, CbSecretService, CbSourceApi, CbStateService, CbStr,
    CbTableOut, CbTempdirService, Grows, MAGIC,
};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Name in C, `sizeof` in Rust, and each field's name and offset.
struct Layout {
    name: &'static str,
    size: usize,
    fields: Vec<(&'static str, usize)>,
}

macro_rules! layouts {
    ($($c:literal = $rust:ident { $($field:ident),* })*) => {
        vec![$(Layout {
            name: $c,
            size: size_of::<$rust>(),
            fields: vec![$((stringify!($field), std::mem::offset_of!($rust, $field))),*],
        }),*]
    };
}

fn all() -> Vec<Layout> {
    layouts! {
        "cb_str" = CbStr { ptr, len }
        "cb_buf" = CbBuf { ptr, len, release, private_data }
        "cb_error" = CbError { struct_size, flags, code, reserved0, retry_after_ms, message, details_json, release, private_data }
        "cb_host" = CbHost { struct_size, abi_major, abi_minor, ctx, log, is_cancelled, progress, get_service }
        "cb_secret_service" = CbSecretService { struct_size, reserved0, get, replace }
        "cb_state_service" = CbStateService { struct_size, reserved0, get, swap }
        "cb_tempdir_service" = CbTempdirService { struct_size, reserved0, path }
        "cb_source_api" = CbSourceApi { struct_size, reserved0, open, check, tables, scan, facts, get_extension, close }
        "cb_input" = CbInput { name, stream }
        "cb_compute_args" = CbComputeArgs { struct_size, n_inputs, component_id, params_json, period_json, context_json, inputs }
        "cb_table_out" = CbTableOut { name, stream }
        "cb_output" = CbOutput { struct_size, n_tables, result_json, tables, release, private_data }
        "cb_metric_api" = CbMetricApi { struct_size, reserved0, describe, compute, get_extension }
        "cb_entry" = CbEntry { magic, struct_size, abi_major, abi_minor, min_host_minor, reserved0, reserved1, descriptor_json, build_json, init, get_api }
        "struct ArrowArrayStream" = ArrowArrayStream { get_schema, get_next, get_last_error, release, private_data }
    }
}

fn scratch() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn cc(folder: &str, args: &[&str], out: &Path) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let done = Command::new("cc")
        .args([
            "-std=gnu11",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-I",
        ])
        .arg(here.join("include"))
        .args(args)
        .arg("-o")
        .arg(out)
        .current_dir(here.join(folder))
        .output()
        .expect("`cc` links Rust programs, so it is there");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn the_mirror_has_the_layout_of_the_header() {
    let mut program =
        String::from("#include \"chenbao_plugin.h\"\n#include <stdio.h>\nint main(void) {\n");
    let mut mirror = String::new();
    for Layout { name, size, fields } in all() {
        program += &format!("  printf(\"{name} %zu\\n\", sizeof({name}));\n");
        mirror += &format!("{name} {size}\n");
        for (field, offset) in fields {
            program +=
                &format!("  printf(\"{name}.{field} %zu\\n\", offsetof({name}, {field}));\n");
            mirror += &format!("{name}.{field} {offset}\n");
        }
    }
    program += "  printf(\"%u %u %llu\\n\", CB_ABI_MAJOR, CB_ABI_MINOR, (unsigned long long)CB_MAGIC);\n  return 0;\n}\n";
    mirror += &format!("{ABI_MAJOR} {ABI_MINOR} {MAGIC}\n");
    let (source, binary) = (scratch().join("layout.c"), scratch().join("layout"));
    std::fs::write(&source, program).unwrap();
    cc(".", &["-std=c11", source.to_str().unwrap()], &binary);
    let printed = Command::new(&binary).output().unwrap().stdout;
    assert_eq!(String::from_utf8(printed).unwrap(), mirror);
}

#[test]
fn every_field_of_the_header_is_in_the_mirror() {
    let header = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("include/chenbao_plugin.h"),
    )
    .unwrap();
    for Layout { name, fields, .. } in all() {
        if name.starts_with("cb_") {
            let body = header
                .split(&format!("typedef struct {name} {{"))
                .nth(1)
                .unwrap()
                .split(&format!("}} {name};"))
                .next()
                .unwrap();
            let declared = body
                .lines()
                .filter(|line| !line.trim_start().starts_with(['*', '/']))
                .filter(|line| line.contains(';'))
                .count();
            assert_eq!(declared, fields.len(), "{name}: {body}");
        }
    }
}

#[test]
fn the_c_examples_build_without_a_warning_and_export_one_symbol() {
    exports_the_entry_only("examples-c", "row_count.c", "librow_count.so");
    exports_the_entry_only("examples-c/counter", "counter.c", "libcounter.so");
}

fn exports_the_entry_only(folder: &str, source: &str, library: &str) {
    let library = scratch().join(library);
    let flags = ["-O2", "-fPIC", "-shared", "-fvisibility=hidden"];
    cc(folder, &[&flags[..], &[source]].concat(), &library);
    let symbols = Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(&library)
        .output()
        .expect("binutils have it");
    let symbols = String::from_utf8_lossy(&symbols.stdout);
    let names: Vec<_> = symbols
        .lines()
        .filter_map(|line| line.split(' ').next_back())
        .collect();
    assert_eq!(names, ["chenbao_plugin_entry_v1"]);
}

/// What readers ask of a struct's size is what it had in 1.0: a later field never makes an older plugin too short.
#[test]
fn readers_ask_for_the_sizes_of_1_0() {
    let table = include_str!("../abi/1.0.x86_64-linux.offsets");
    for (name, asked) in [
        ("cb_error", CbError::SIZE_1_0),
        ("cb_host", CbHost::SIZE_1_0),
        ("cb_secret_service", CbSecretService::SIZE_1_0),
        ("cb_state_service", CbStateService::SIZE_1_0),
        ("cb_tempdir_service", CbTempdirService::SIZE_1_0),
        ("cb_source_api", CbSourceApi::SIZE_1_0),
        ("cb_metric_api", CbMetricApi::SIZE_1_0),
        ("cb_entry", CbEntry::SIZE_1_0),
    ] {
        let line = format!("{name} {asked}");
        assert!(table.lines().any(|one| one == line), "{line}");
    }
}

/// The layout of 1.0 on this target is a file; a later minor only appends to it.
#[test]
fn the_layout_of_every_released_minor_is_a_prefix_of_todays() {
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("abi");
    let mut checked = 0;
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(&format!("{target}.offsets")) {
            continue;
        }
        checked += 1;
        let text = std::fs::read_to_string(entry.path()).unwrap();
        for Layout { name, size, fields } in all() {
            let old: Vec<(&str, usize)> = text
                .lines()
                .filter_map(|line| line.strip_prefix(&format!("{name}.")))
                .map(|rest| rest.split_once(' ').unwrap())
                .map(|(field, offset)| (field, offset.parse().unwrap()))
                .collect();
            assert!(
                fields.starts_with(&old),
                "{name}: {old:?} is not the beginning of {fields:?}"
            );
            // What did not grow must not shrink or be padded differently.
            if old.len() == fields.len() {
                let before = text
                    .lines()
                    .find_map(|line| line.strip_prefix(&format!("{name} ")));
                assert_eq!(before, Some(size.to_string().as_str()), "{name}");
            }
        }
    }
    assert!(
        checked > 0,
        "no layout for {target} in {}",
        folder.display()
    );
}
