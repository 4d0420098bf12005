//! Values that are written in several ways.

use toml::de::DeValue;

use crate::config::node::{Either, Node};
use crate::config::read::Read;
use crate::config::report::Report;

/// Scalars that say in their errors what they are to hold.
macro_rules! scalars {
    ($( $(#[$doc:meta])* $name:ident($inner:ty) = $wanted:literal; )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub $inner);

        impl Read for $name {
            fn wanted() -> String {
                $wanted.into()
            }

            fn wanted_many() -> String {
                <$inner>::wanted_many()
            }

            fn accepts(value: &DeValue<'_>) -> bool {
                <$inner>::accepts(value)
            }

            fn read(node: Node<'_>, report: &mut Report) -> Option<Self> {
                <$inner>::read(node, report).map(Self)
            }
        }
    )* };
}

scalars! {
    Duration(String) = "a duration in quotes, like \"30s\"";
    Size(Either<i64, String>) = "a size in quotes, like \"10MiB\", or a number of bytes";
    Count(Either<i64, String>) = "a number or \"auto\"";
    Buffering(Either<bool, String>) = "`true`, `false` or \"required\"";
    Mask(String) = "octal digits in quotes, like \"027\"";
}
