//! Values by number, for use under a lock that must never be held for long.

/// Values by number. Adding and removing a value allocates, frees and drops nothing. So a thread that must not wait for an
/// allocator or for a drop of user code can share a lock with threads that do both. Growing is a separate step that allocates
/// outside of the lock: see [`put_into`].
#[derive(Debug)]
pub(super) struct Slots<T> {
    places: Vec<Slot<T>>,
    free: Option<usize>,
}

#[derive(Debug)]
enum Slot<T> {
    /// A free slot, with the number of the next free one.
    Free(Option<usize>),
    Taken(T),
}

impl<T> Slots<T> {
    pub(super) const fn new() -> Slots<T> {
        Slots { places: Vec::new(), free: None }
    }

    fn with_room(count: usize) -> Slots<T> {
        Slots { places: Vec::with_capacity(count), free: None }
    }

    fn room(&self) -> usize {
        self.places.capacity()
    }

    /// Moves the value in and returns its number, if there is room.
    fn put(&mut self, value: &mut Option<T>) -> Option<usize> {
        if let Some(number) = self.free {
            let place = self.places.get_mut(number)?;
            if let Slot::Free(next) = place {
                self.free = *next;
                *place = Slot::Taken(value.take()?);
            }
            return Some(number);
        }
        if self.places.len() == self.places.capacity() {
            return None;
        }
        self.places.push(Slot::Taken(value.take()?));
        Some(self.places.len() - 1)
    }

    /// Moves the values to `other` if that has more room, and leaves the smaller storage in its place. Numbers stay the same.
    fn move_to(&mut self, other: &mut Slots<T>) {
        if other.room() > self.room() {
            other.places.append(&mut self.places);
            other.free = self.free.take();
            std::mem::swap(self, other);
        }
    }

    /// Removes a value.
    pub(super) fn take(&mut self, number: usize) -> Option<T> {
        let place = self.places.get_mut(number)?;
        if let Slot::Free(_) = place {
            return None;
        }
        let taken = std::mem::replace(place, Slot::Free(self.free));
        self.free = Some(number);
        match taken {
            Slot::Taken(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.places.iter().enumerate().filter_map(|(number, place)| match place {
            Slot::Taken(value) => Some((number, value)),
            Slot::Free(_) => None,
        })
    }
}

/// Adds a value to the slots that `access` locks, in one or several steps. `access` takes the lock, and releases it each time
/// before anything is allocated or freed. Returns the number of the value.
pub(super) fn put_into<T>(value: T, mut access: impl FnMut(&mut dyn FnMut(&mut Slots<T>))) -> usize {
    let mut value = Some(value);
    let mut spare = Slots::new();
    loop {
        let (mut number, mut room) = (None, 0);
        access(&mut |places| {
            places.move_to(&mut spare);
            number = places.put(&mut value);
            room = places.room();
        });
        if let Some(number) = number {
            return number;
        }
        spare = Slots::with_room((room * 2).max(4));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_numbers_while_it_grows() {
        let mut places = Slots::new();
        let numbers: Vec<usize> = (0..100).map(|value| put_into(value, |step| step(&mut places))).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        assert_eq!(places.iter().map(|(number, value)| (number, *value)).collect::<Vec<_>>(), {
            (0..100).map(|value| (value, value)).collect::<Vec<_>>()
        });
    }

    #[test]
    fn a_place_is_used_again() {
        let mut places = Slots::new();
        for value in 0..8 {
            put_into(value, |step| step(&mut places));
        }
        let room = places.room();
        assert_eq!((places.take(3), places.take(3), places.take(5), places.take(99)), (Some(3), None, Some(5), None));
        let mut again = [put_into(30, |step| step(&mut places)), put_into(50, |step| step(&mut places))];
        again.sort_unstable();
        assert_eq!((again, places.room()), ([3, 5], room));
        assert_eq!(places.iter().count(), 8);
        assert_eq!(put_into(80, |step| step(&mut places)), 8);
    }

    /// Nothing may be allocated under the lock. So the capacity never changes there, except by a swap with storage that was made
    /// outside.
    #[test]
    fn nothing_is_allocated_under_the_lock() {
        let mut places = Slots::new();
        let mut made_outside = vec![0];
        for value in 0..100 {
            let (before, mut steps) = (places.room(), 0);
            put_into(value, |step| {
                step(&mut places);
                steps += 1;
            });
            if places.room() != before {
                made_outside.push(places.room());
            }
            assert_eq!(
                steps,
                if places.room() == before { 1 } else { 2 },
                "a step finds no room before the one that has it"
            );
        }
        assert_eq!(made_outside, [0, 4, 8, 16, 32, 64, 128]);
    }
}
