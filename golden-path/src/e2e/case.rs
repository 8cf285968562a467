//! One test and what it declares about itself.

use std::future::Future;
use std::pin::Pin;

use super::context::{Failure, Test};

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

/// What an outage of the tested thing costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Risk {
    pub(crate) money_per_hour: f64,
    pub(crate) impact: &'static str,
}

/// One test.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) category: &'static str,
    /// `P1` to `P6`.
    pub(crate) priority: &'static str,
    /// Services that the test itself talks to, and must notice the loss of.
    pub(crate) services: &'static [&'static str],
    pub(crate) risk: Risk,
    pub(crate) ignored: bool,
    pub(crate) body: for<'a> fn(&'a Test) -> Running<'a>,
}

/// The cases of one category: `PRIORITY [services] function, …`.
macro_rules! cases {
    (
        $category:literal, risk $money:literal $impact:literal;
        $($priority:ident [$($service:literal)*] $function:ident $(($mark:ident))?,)*
    ) => {
        vec![$(
            $crate::e2e::case::Case {
                name: concat!($category, "::", stringify!($function)),
                category: $category,
                priority: stringify!($priority),
                services: &[$($service),*],
                risk: $crate::e2e::case::Risk { money_per_hour: $money, impact: $impact },
                ignored: [$(stringify!($mark))?].contains(&"ignored"),
                body: |test| Box::pin($function(test)),
            }
        ),*]
    };
}
pub(crate) use cases;
