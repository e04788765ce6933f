//! What every overlay has to do, whatever network stands behind it: one suite, run against each kind over real sockets.
//!
//! A kind joins by implementing [`Kind`], which brings up an overlay and a far side that holds given contents, and by one
//! line, `behaviours!(ItsKind);`, which makes a test of each behaviour. What a kind can do (its [`Capabilities`] and its
//! [`Talents`]) chooses what is asked of it: where it cannot do a thing, the test is that it says so.
//!
//! [`Capabilities`]: crate::overlay::Capabilities

pub mod content;
pub mod faults;
mod kind;
pub mod searching;
pub mod standing;
mod together;

pub use kind::{AT_MOST, FarSide, Kind, NEAR, Talents, eventually, within};

/// The tests, each by the module that holds it: written here once for all kinds.
macro_rules! behaviours {
    ($kind:ty) => {
        $crate::overlay::behaviour::behaviours! { $kind:
            searching: finds_what_holds_all_words, filters_are_kept, never_more_than_were_asked_for,
                nothing_found_is_an_answer, the_journey_is_handed_on, hits_are_the_overlays_own,
                what_the_far_side_says_is_harmless, ends_when_the_far_side_is_mute, a_dropped_search_is_over_there_too;
            content: locates_what_is_there, does_not_locate_what_is_not, brings_contents_of_every_size,
                brings_ranges_from_the_group_on, pieces_are_the_stream_that_proves_them, contents_of_other_networks;
            faults: a_lying_far_side_gets_no_wrong_byte_out, a_source_that_breaks_off_is_a_fault,
                a_source_that_stalls_is_given_up, a_dropped_fetch_is_over_there_too, a_slow_reader_holds_the_far_side_back,
                sources_to_avoid_are_avoided, a_far_side_that_is_gone_is_told;
            standing: status_and_capabilities_agree, publishes_or_says_that_it_cannot, has_peers_or_says_that_it_has_none,
                a_stop_is_quick_and_final;
        }
    };
    ($kind:ty: $($module:ident: $($behaviour:ident),+;)+) => {
        $($(
            #[tokio::test]
            async fn $behaviour() {
                $crate::overlay::behaviour::$module::$behaviour::<$kind>().await;
            }
        )+)+
    };
}
pub(crate) use behaviours;

/// The suite on the double: what is wrong with the suite itself shows here, without a network.
mod of_the_double {
    use std::sync::Arc;

    use super::{FarSide, Kind, NEAR, Talents};
    use crate::overlay::{
        Overlay,
        double::{Double, Shelf, Temper},
    };

    struct Memory(Arc<Double>);

    impl Kind for Memory {
        const TALENTS: Talents = Talents {
            wire: false,
            journeys: true,
            records: true,
            via: true,
            proves: false,
            foreign: true,
            native: true,
        };

        async fn bring_up(far: FarSide) -> Self {
            let double = Double::new(NEAR, Temper::Honest, far.articles);
            if far.is_mute {
                double.shelf().be_mute();
            }
            Self(double)
        }

        fn overlay(&self) -> Arc<dyn Overlay> {
            self.0.clone()
        }

        fn far_side(&self) -> &Shelf {
            self.0.shelf()
        }

        async fn take_far_side_away(&self) {
            self.0.be(Temper::Failing);
        }
    }

    super::behaviours!(Memory);
}
