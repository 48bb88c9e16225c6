//! Labels that never overlap: each takes the nearest free place, or a smaller one, or stays away.

/// A rectangle: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) right: f32,
    pub(crate) bottom: f32,
}

impl Area {
    /// Around a baseline that begins at `x`.
    pub(crate) fn of_text(x: f32, baseline: f32, width: f32, size: f32) -> Self {
        Self {
            left: x,
            top: baseline - 0.8 * size,
            right: x + width,
            bottom: baseline + 0.16 * size,
        }
    }

    /// Whether two areas share more than an edge.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// What is already taken.
#[derive(Debug, Default)]
pub(crate) struct Taken(Vec<Area>);

impl Taken {
    /// Takes an area.
    pub(crate) fn take(&mut self, area: Area) {
        self.0.push(area);
    }

    /// Whether an area is free.
    pub(crate) fn free(&self, area: &Area) -> bool {
        !self.0.iter().any(|taken| taken.meets(area))
    }

    /// Takes the first of some places that is free.
    pub(crate) fn first_free<T>(
        &mut self,
        places: impl IntoIterator<Item = (Area, T)>,
    ) -> Option<T> {
        let (area, place) = places.into_iter().find(|(area, _)| self.free(area))?;
        self.0.push(area);
        Some(place)
    }
}

/// Pushes positions apart to at least `gap`, inside `low..=high`, as near to their wishes as that allows.
pub(crate) fn spread(wishes: &[f32], gap: f32, (low, high): (f32, f32)) -> Vec<f32> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by(|a, b| wishes[*a].total_cmp(&wishes[*b]).then(a.cmp(b)));
    let mut placed: Vec<f32> = wishes.to_vec();
    let mut floor = low;
    for i in &order {
        placed[*i] = placed[*i].max(floor);
        floor = placed[*i] + gap;
    }
    let mut ceiling = high;
    for i in order.iter().rev() {
        placed[*i] = placed[*i].min(ceiling);
        ceiling = placed[*i] - gap;
    }
    placed
}

/// Which of `widths` along an axis can be shown without touching: the first, the last, and every n-th between.
pub(crate) fn thin(centres: &[f32], widths: &[f32], gap: f32) -> Vec<usize> {
    let count = centres.len();
    for stride in 1..count.max(2) {
        let mut chosen: Vec<usize> = (0..count).step_by(stride).collect();
        if chosen.last().is_some_and(|last| last + 1 != count) {
            // The last is worth more than its neighbour.
            if count - 1 - chosen[chosen.len() - 1] < stride.div_ceil(2).max(1) && chosen.len() > 1
            {
                chosen.pop();
            }
            chosen.push(count - 1);
        }
        let apart = |pair: &[usize]| {
            let room = centres[pair[1]] - centres[pair[0]];
            room >= 0.5 * (widths[pair[0]] + widths[pair[1]]) + gap
        };
        if chosen.windows(2).all(apart) {
            return chosen;
        }
    }
    (count > 0).then_some(0).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_keeps_order_and_distance() {
        let placed = spread(&[10.0, 11.0, 10.5, 40.0], 8.0, (0.0, 45.0));
        assert!(
            placed[2] - placed[0] >= 8.0 && placed[1] - placed[2] >= 8.0,
            "{placed:?}"
        );
        let low = spread(&[44.0, 45.0], 8.0, (0.0, 45.0));
        assert!(low[1] <= 45.0 && low[1] - low[0] >= 8.0, "{low:?}");
    }

    #[test]
    fn thin_shows_first_and_last_without_touching() {
        let centres: Vec<f32> = (0..35_u8).map(|i| f32::from(i) * 7.0).collect();
        let widths = vec![24.0; 35];
        let chosen = thin(&centres, &widths, 4.0);
        assert_eq!(chosen.first(), Some(&0));
        assert_eq!(chosen.last(), Some(&34));
        assert!(
            chosen
                .windows(2)
                .all(|pair| centres[pair[1]] - centres[pair[0]] >= 28.0),
            "{chosen:?}"
        );
    }
}
