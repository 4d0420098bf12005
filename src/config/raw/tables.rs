//! What a table of keys becomes: a struct with a place for each, and its reader.

macro_rules! tables {
    ($(
        $(#[$doc:meta])*
        $table:ident = $shown:literal { $( $field:ident $($key:literal)? : $shape:ty, )* }
        $(+ later { $( $later:literal: $today:expr, )* })?
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug)]
            pub struct $table {
                $( pub $field: Option<At<$shape>>, )*
            }

            impl Read for $table {
                fn wanted() -> String {
                    "a table".into()
                }

                fn wanted_many() -> String {
                    "tables".into()
                }

                fn accepts(value: &DeValue<'_>) -> bool {
                    value.is_table()
                }

                fn read(node: Node<'_>, report: &mut Report) -> Option<Self> {
                    let cursor = Cursor::new(node.value.as_table()?, node.spot);
                    let table = Self {
                        $( $field: cursor.take(key!($field $($key)?), report), )*
                    };
                    let known = [ $( key!($field $($key)?), )* ];
                    let later = [ $( $( Later { key: $later, today: $today }, )* )? ];
                    cursor.finish($shown, &known, &later, report);
                    Some(table)
                }

                fn each_key(&self, name: &str, _key: Spot, visit: &mut dyn FnMut(String, Spot)) {
                    $(
                        if let Some(at) = &self.$field {
                            at.value.each_key(&below(name, key!($field $($key)?)), at.key, visit);
                        }
                    )*
                }
            }
        )*

        /// Every table and its keys, to say where a misplaced key belongs.
        pub const TABLES: &[(&str, &[&str])] = &[ $(
            ($shown, &[ $( key!($field $($key)?), )* $( $( $later, )* )? ]),
        )* ];

        /// Those of them that no setting comes of yet.
        #[cfg(test)]
        pub const LATER: &[(&str, &[&str])] = &[ $( ($shown, &[ $( $( $later, )* )? ]), )* ];
    };
}

/// A key is called as its field, unless that is a word of Rust.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}
