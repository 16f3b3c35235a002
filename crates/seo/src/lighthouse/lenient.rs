//! Readers for what many versions of a tool write: a part of another shape than expected counts as missing.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Element;

/// The longest text that is kept, in characters.
const MAX_CHARS: usize = 300;

/// A text for people, cut to a bounded length, control characters made spaces; missing when it is no text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Option<String>);

/// A text that names an element; missing when it is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path(pub(super) Option<Element>);

/// An object; missing when it is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object<T>(pub(super) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// A list of which only the first so many are kept; empty when it is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List<T, const MOST: usize> {
    pub(super) kept: Vec<T>,
    pub(super) left_out: u32,
}

impl<T, const MOST: usize> Default for List<T, MOST> {
    fn default() -> Self {
        Self { kept: Vec::new(), left_out: 0 }
    }
}

/// An object's entries in their order, at most so many.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entries<T, const MOST: usize>(pub(super) Vec<(String, T)>);

/// Accepts every scalar and passes over it, so that a visitor names only the shapes that it wants.
macro_rules! pass_over_scalars {
    ($nothing:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }

        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
    };
}

fn pass_over_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

fn pass_over_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Reads a text by `$of`; anything else is its default.
macro_rules! reads_text {
    ($name:ident, $of:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                struct Reading;

                impl<'de> Visitor<'de> for Reading {
                    type Value = $name;

                    pass_over_scalars!($name::default());

                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        Ok($of(text))
                    }

                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$name, A::Error> {
                        pass_over_map(map).map(|()| $name::default())
                    }

                    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<$name, A::Error> {
                        pass_over_list(list).map(|()| $name::default())
                    }
                }

                reader.deserialize_any(Reading)
            }
        }
    };
}

reads_text!(Text, shown);
reads_text!(Path, whole);

fn shown(text: &str) -> Text {
    let kept = text.chars().take(MAX_CHARS).map(|letter| if letter.is_control() { ' ' } else { letter });
    let kept: String = kept.collect();
    Text((!kept.trim().is_empty()).then_some(kept))
}

fn whole(text: &str) -> Path {
    Path(Element::try_from(text).ok())
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reading<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reading<T> {
            type Value = Object<T>;

            pass_over_scalars!(Object(None));

            fn visit_str<E: Error>(self, _: &str) -> Result<Object<T>, E> {
                Ok(Object(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(|read| Object(Some(read)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Object<T>, A::Error> {
                pass_over_list(list).map(|()| Object(None))
            }
        }

        reader.deserialize_any(Reading(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reading<T, const MOST: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Reading<T, MOST> {
            type Value = List<T, MOST>;

            pass_over_scalars!(List::default());

            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Ok(List::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                pass_over_map(map).map(|()| List::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut read = List::default();
                while read.kept.len() < MOST {
                    match list.next_element()? {
                        Some(item) => read.kept.push(item),
                        None => return Ok(read),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    read.left_out = read.left_out.saturating_add(1);
                }
                Ok(read)
            }
        }

        reader.deserialize_any(Reading(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Entries<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reading<T, const MOST: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Reading<T, MOST> {
            type Value = Entries<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object of at most {MOST} entries")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    if entries.len() == MOST {
                        return Err(Error::invalid_length(MOST + 1, &self));
                    }
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        reader.deserialize_map(Reading(PhantomData))
    }
}
