//! What [`export_plugin!`](crate::export_plugin) expands to: the entry and the tables, written once for every plugin.
#![expect(unsafe_code, reason = "the C boundary of plugins")]

use crate::abi::{
    ABI_MAJOR, ABI_MINOR, API_METRIC, API_SOURCE, CbBuf, CbComputeArgs, CbEntry, CbError, CbHost,
    CbMetricApi, CbOutput, CbStr, CbTableOut, MAGIC, OK, size_of_u32,
};
use crate::abi_error::fill;
use crate::cx::{Cx, SourceCx};
use crate::error::{Error, ErrorCode, Result, bad_config, internal};
use crate::export_source::{guarded_stream, source_api};
use crate::guard::guarded;
use crate::metric::Described;
use crate::params::ParamSpec;
use crate::report::Report;
use crate::rows::{Inputs, Rows};
use arrow_array::ffi_stream::ArrowArrayStreamReader;
use serde::de::DeserializeOwned;
use std::ffi::{CStr, c_char, c_void};

pub use crate::asked;
pub use crate::export_source::{AnySource, open};
pub use crate::params::params;

/// The components of one library; the macro writes it.
pub trait Exports: 'static {
    /// Whether there are metrics and sources.
    const KINDS: Kinds;
    /// What the metric of that id has with some params.
    ///
    /// # Errors
    /// No such metric, or params that it refuses.
    fn describe(id: &str, params: &str) -> Result<Described>;
    /// Computes the metric of that id.
    ///
    /// # Errors
    /// No such metric, or its own error.
    fn compute(id: &str, params: &str, inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report>;
    /// Opens the source of that id.
    ///
    /// # Errors
    /// No such source, or its own error.
    fn open(id: &str, options: &str, cx: SourceCx) -> Result<Box<dyn AnySource>>;
}

/// Which kinds a library has.
#[derive(Debug, Clone, Copy)]
pub enum Kinds {
    /// Metrics.
    Metrics,
    /// Sources.
    Sources,
}

/// Descriptor of a plugin's folder, `chenbao.descriptor/1`; `declared` is what the code says of its parameters.
#[must_use]
pub fn descriptor(
    (name, version): (&str, &str),
    files: &[(&str, &str)],
    declared: &[ParamSpec],
) -> String {
    let files: serde_json::Map<_, _> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).into()))
        .collect();
    let mut carried = serde_json::json!({ "schema": "chenbao.descriptor/1", "name": name, "version": version, "files": files });
    if !declared.is_empty() {
        carried["declared"] = crate::params::declared(declared).into();
    }
    carried.to_string()
}

/// The entry around a descriptor.
#[must_use]
pub fn entry<E: Exports>(descriptor: &'static str) -> CbEntry {
    CbEntry {
        magic: MAGIC,
        struct_size: size_of_u32::<CbEntry>(),
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        min_host_minor: 0,
        reserved0: 0,
        reserved1: 0,
        descriptor_json: CbStr::of(descriptor),
        build_json: CbStr::of(concat!(
            r#"{"sdk":"chenbao-plugin "#,
            env!("CARGO_PKG_VERSION"),
            r#"","lang":"rust"}"#
        )),
        init,
        get_api: get_api::<E>,
    }
}

/// A component that the library does not have.
#[must_use]
pub fn unknown(id: &str) -> Error {
    Error::new(
        ErrorCode::NotFound,
        format!("this library has no component `{id}`"),
    )
}

/// Reads params or options.
///
/// # Errors
/// They do not fit the type.
pub fn configured<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|why| bad_config(why.to_string()))
}

unsafe extern "C" fn init(_host: *const CbHost, _error: *mut CbError) -> i32 {
    OK
}

pub(crate) unsafe extern "C" fn no_extension(_id: *const c_char) -> *const c_void {
    std::ptr::null()
}

unsafe extern "C" fn get_api<E: Exports>(id: *const c_char) -> *const c_void {
    if id.is_null() {
        return std::ptr::null();
    }
    // SAFETY: the contract makes `id` a C string.
    let id = unsafe { CStr::from_ptr(id) };
    match E::KINDS {
        Kinds::Metrics if id == API_METRIC => {
            const { &metric_api::<E>() as *const CbMetricApi }.cast()
        }
        Kinds::Sources if id == API_SOURCE => {
            const { &source_api::<E>() as *const crate::abi::CbSourceApi }.cast()
        }
        _ => std::ptr::null(),
    }
}

const fn metric_api<E: Exports>() -> CbMetricApi {
    CbMetricApi {
        struct_size: size_of_u32::<CbMetricApi>(),
        reserved0: 0,
        describe: describe::<E>,
        compute: compute::<E>,
        get_extension: no_extension,
    }
}

unsafe extern "C" fn describe<E: Exports>(
    id: CbStr,
    params: CbStr,
    out: *mut CbBuf,
    error: *mut CbError,
) -> i32 {
    let described = guarded(|| {
        // SAFETY: the texts are valid for the call.
        let (id, params) = unsafe { (text(id)?, text(params)?) };
        let described = E::describe(&id, &params)?;
        serde_json::to_vec(&described).map_err(|why| internal(why.to_string()))
    });
    // SAFETY: `out` is null or the host's.
    match (described, unsafe { out.as_mut() }) {
        (Ok(json), Some(out)) => {
            *out = CbBuf::of(json);
            OK
        }
        (Ok(_), None) => {
            let null = Error::new(ErrorCode::InvalidArgument, "out must not be null");
            // SAFETY: `error` is the host's.
            unsafe { fill(error, null) }
        }
        // SAFETY: `error` is the host's.
        (Err(why), _) => unsafe { fill(error, why) },
    }
}

unsafe extern "C" fn compute<E: Exports>(
    host: *const CbHost,
    args: *const CbComputeArgs,
    out: *mut CbOutput,
    error: *mut CbError,
) -> i32 {
    // SAFETY: the host hands in structs that are null or valid for this call.
    let (host, args, out) = unsafe { (host.as_ref(), args.as_ref(), out.as_mut()) };
    let (Some(host), Some(args), Some(out)) = (host, args, out) else {
        // SAFETY: `error` is the host's.
        return unsafe {
            fill(
                error,
                Error::new(
                    ErrorCode::InvalidArgument,
                    "host, args and out must not be null",
                ),
            )
        };
    };
    // SAFETY: the arguments keep the contract for the time of the call.
    match guarded(|| unsafe { answer::<E>(host, args) }) {
        Ok((json, tables)) => {
            out.result_json = CbBuf::of(json);
            hand_over(tables, out);
            OK
        }
        // SAFETY: `error` is the host's.
        Err(why) => unsafe { fill(error, why) },
    }
}

/// Tables too large for the document, by name.
type Large = Vec<(String, Rows)>;

/// What [`CbOutput::tables`] points into.
struct Tables {
    streams: Vec<CbTableOut>,
    /// The texts that the names borrow.
    _names: Vec<String>,
}

/// Puts large tables into the host's struct. A stream that the host does not take is released with the rest.
fn hand_over(tables: Large, out: &mut CbOutput) {
    unsafe extern "C" fn release(this: *mut CbOutput) {
        // SAFETY: called once with the struct that was filled below.
        unsafe {
            drop(Box::from_raw((*this).private_data.cast::<Tables>()));
            (*this).tables = std::ptr::null_mut();
            (*this).n_tables = 0;
            (*this).release = None;
        }
    }
    if tables.is_empty() {
        return;
    }
    let (names, rows): (Vec<String>, Vec<Rows>) = tables.into_iter().unzip();
    let streams = names.iter().zip(rows).map(|(name, rows)| CbTableOut {
        name: CbStr::of(name),
        stream: guarded_stream(rows.into_reader()),
    });
    let mut owned = Box::new(Tables {
        streams: streams.collect(),
        _names: names,
    });
    out.n_tables = u32::try_from(owned.streams.len()).unwrap_or(0);
    out.tables = owned.streams.as_mut_ptr();
    out.private_data = Box::into_raw(owned).cast();
    out.release = Some(release);
}

/// Owns the streams from the first line on, so that every way out releases them.
unsafe fn answer<E: Exports>(host: &CbHost, args: &CbComputeArgs) -> Result<(Vec<u8>, Large)> {
    // SAFETY: `args` keeps the contract, as the caller vouches.
    let (mut inputs, id, params, period, context) = unsafe {
        (
            inputs(args)?,
            text(args.component_id)?,
            text(args.params_json)?,
            text(args.period_json)?,
            text(args.context_json)?,
        )
    };
    let misread = |what: &str, why: serde_json::Error| {
        Error::new(ErrorCode::InvalidArgument, format!("{what}: {why}"))
    };
    let period = serde_json::from_str(&period).map_err(|why| misread("period", why))?;
    let context = serde_json::from_str(&context).map_err(|why| misread("context", why))?;
    let mut report = E::compute(
        &id,
        &params,
        &mut inputs,
        &Cx::with_host(period, context, host),
    )?;
    let json = serde_json::to_vec(&report.to_json()).map_err(|why| internal(why.to_string()))?;
    Ok((json, report.take_tables()))
}

/// # Safety
/// The text is valid for the call.
pub(crate) unsafe fn text(text: CbStr) -> Result<String> {
    // SAFETY: as the caller vouches.
    unsafe { text.copied() }
        .ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "a text that is not UTF-8"))
}

unsafe fn inputs(args: &CbComputeArgs) -> Result<Inputs> {
    let count = usize::try_from(args.n_inputs).unwrap_or(usize::MAX);
    if count == 0 {
        return Ok(Inputs::new());
    }
    // SAFETY: `inputs` points to `n_inputs` structs for the time of the call.
    let list = unsafe { std::slice::from_raw_parts(args.inputs, count) };
    // All streams are moved out before the first one can fail, so that none stays behind.
    let mut moved = Vec::with_capacity(count);
    for input in list {
        // SAFETY: each stream is valid and ours to move out.
        moved.push((input.name, unsafe {
            ArrowArrayStreamReader::from_raw(input.stream)
        }));
    }
    let mut inputs = Inputs::new();
    for (name, reader) in moved {
        // SAFETY: the name is valid for the call.
        inputs = inputs.with(&unsafe { text(name) }?, Rows::new(Box::new(reader?)));
    }
    Ok(inputs)
}

/// Makes a plugin library of a crate: names the files of its folder and its metrics or its sources.
///
/// ```ignore
/// chenbao_plugin::export_plugin! {
///     files: ["metric.toml", "sql/days.sql", "strings.zh-CN.toml", "strings.en.toml"],
///     metrics: [Sales]
/// }
/// ```
#[macro_export]
macro_rules! export_plugin {
    (files: [$($file:literal),* $(,)?], metrics: [$($metric:ty),+ $(,)?] $(,)?) => {
        $crate::export_plugin! { @entry [$($file),*] [$(<$metric as $crate::Metric>::Params),+] Metrics
            fn describe(id: &str, params: &str) -> $crate::Result<$crate::Described> {
                $(if id == <$metric as $crate::Metric>::ID {
                    return <$metric as $crate::Metric>::describe(&$crate::export::configured(params)?);
                })+
                Err($crate::export::unknown(id))
            }

            fn compute(
                id: &str,
                params: &str,
                inputs: &mut $crate::Inputs,
                cx: &$crate::Cx<'_>,
            ) -> $crate::Result<$crate::Report> {
                $(if id == <$metric as $crate::Metric>::ID {
                    let params = $crate::export::configured(params)?;
                    return <$metric as $crate::Metric>::compute(params, inputs, cx);
                })+
                Err($crate::export::unknown(id))
            }

            fn open(
                id: &str,
                _options: &str,
                _cx: $crate::SourceCx,
            ) -> $crate::Result<::std::boxed::Box<dyn $crate::export::AnySource>> {
                Err($crate::export::unknown(id))
            }
        }
    };
    (files: [$($file:literal),* $(,)?], sources: [$($source:ty),+ $(,)?] $(,)?) => {
        $crate::export_plugin! { @entry [$($file),*] [$(<$source as $crate::Source>::Options),+] Sources
            fn describe(id: &str, _params: &str) -> $crate::Result<$crate::Described> {
                Err($crate::export::unknown(id))
            }

            fn compute(
                id: &str,
                _params: &str,
                _inputs: &mut $crate::Inputs,
                _cx: &$crate::Cx<'_>,
            ) -> $crate::Result<$crate::Report> {
                Err($crate::export::unknown(id))
            }

            fn open(
                id: &str,
                options: &str,
                cx: $crate::SourceCx,
            ) -> $crate::Result<::std::boxed::Box<dyn $crate::export::AnySource>> {
                $(if id == <$source as $crate::Source>::ID {
                    return $crate::export::open::<$source>(options, cx);
                })+
                Err($crate::export::unknown(id))
            }
        }
    };
    (@entry [$($file:literal),*] [$($params:ty),+] $kinds:ident $($methods:tt)*) => {
        const _: () = {
            #[derive(Debug)]
            struct Library;

            impl $crate::export::Exports for Library {
                const KINDS: $crate::export::Kinds = $crate::export::Kinds::$kinds;
                $($methods)*
            }

            /// The one symbol of this library.
            #[unsafe(no_mangle)]
            pub extern "C" fn chenbao_plugin_entry_v1() -> *const $crate::abi::CbEntry {
                static DESCRIPTOR: ::std::sync::OnceLock<::std::string::String> = ::std::sync::OnceLock::new();
                static ENTRY: ::std::sync::OnceLock<$crate::abi::CbEntry> = ::std::sync::OnceLock::new();
                ENTRY.get_or_init(|| {
                    $crate::export::entry::<Library>(DESCRIPTOR.get_or_init(|| {
                        use $crate::export::asked::*;
                        $crate::export::descriptor(
                            (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
                            &[$(($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file)))),*],
                            &[$((&Asked::<$params>::new()).declared()),+].concat(),
                        )
                    }))
                })
            }
        };
    };
}
