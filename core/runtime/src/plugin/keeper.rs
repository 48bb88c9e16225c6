//! What a source may keep outside its process: the parent's half of the services `chenbao.state/1` and `chenbao.secret/1`.

use super::wire::{Asked, Served};
use chenbao_plugin::abi::OK;
use chenbao_plugin::{Error, ErrorCode};

/// The longest key and value of a source's state.
const LONGEST_KEY: usize = 64;
const LONGEST_VALUE: usize = 65536;

/// Whoever keeps a source's small things. Called from a blocking thread, while a call of the source runs.
pub trait Keeper: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// The ledger does not answer.
    fn state(&self, key: &str) -> Result<Option<String>, Error>;

    /// Compare and set; `with_rows` keeps it aside until the rows of the running scan are in the lake.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`]: it is another value by now.
    fn swap(&self, key: &str, change: (Option<&str>, &str), with_rows: bool) -> Result<(), Error>;

    /// Another secret in the place of one.
    ///
    /// # Errors
    /// It is another by now, or stands where nobody can write.
    fn replace(&self, name: &str, was: &str, now: &str) -> Result<(), Error>;
}

/// Answers a question of the plugin's process.
pub(super) fn serve(keeper: Option<&dyn Keeper>, asked: Asked) -> Served {
    let reply = match keeper {
        Some(keeper) => kept(keeper, asked),
        None => Err(Error::new(
            ErrorCode::NotSupported,
            "nothing is kept for this call: state and secrets are for configured sources",
        )),
    };
    match reply {
        Ok(text) => Served { status: OK, text },
        Err(why) => Served {
            status: why.code.status(),
            text: why.message,
        },
    }
}

fn kept(keeper: &dyn Keeper, asked: Asked) -> Result<String, Error> {
    match asked {
        Asked::State { key } => {
            let none = || Error::new(ErrorCode::NotFound, format!("there is no state `{key}`"));
            keeper.state(checked(&key)?)?.ok_or_else(none)
        }
        Asked::Swap {
            key,
            was,
            now,
            with_rows,
        } => {
            if now.len() > LONGEST_VALUE {
                return Err(Error::new(
                    ErrorCode::InvalidArgument,
                    format!(
                        "a state of {} bytes, more than the {LONGEST_VALUE} allowed",
                        now.len()
                    ),
                ));
            }
            keeper.swap(checked(&key)?, (was.as_deref(), &now), with_rows)?;
            Ok(String::new())
        }
        Asked::Replace { name, was, now } => {
            keeper.replace(&name, &was, &now)?;
            Ok(String::new())
        }
    }
}

fn checked(key: &str) -> Result<&str, Error> {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if !key.is_empty() && key.len() <= LONGEST_KEY && key.bytes().all(fits) {
        return Ok(key);
    }
    Err(Error::new(
        ErrorCode::InvalidArgument,
        format!("`{key}` is no key of a state: 1 to {LONGEST_KEY} of a-z 0-9 . _ -"),
    ))
}
