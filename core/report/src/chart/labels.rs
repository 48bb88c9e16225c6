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

/// What is already taken, and the rules that a label rather does not stand on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    areas: Vec<Area>,
    rules: Vec<f32>,
}

impl Taken {
    /// Takes an area.
    pub(crate) fn take(&mut self, area: Area) {
        self.areas.push(area);
    }

    /// A horizontal rule.
    pub(crate) fn rule(&mut self, y: f32) {
        self.rules.push(y);
    }

    /// Whether nothing stands there yet.
    pub(crate) fn free(&self, area: &Area) -> bool {
        !self.areas.iter().any(|taken| taken.meets(area))
    }

    fn clear(&self, area: &Area) -> bool {
        let crossed = |y: &f32| area.top - 0.5 < *y && *y < area.bottom + 0.5;
        !self.rules.iter().any(crossed)
    }

    /// Takes the first of some places that is free: one that no rule crosses, if there is one.
    pub(crate) fn first_free<T>(
        &mut self,
        places: impl IntoIterator<Item = (Area, T)>,
    ) -> Option<T> {
        let mut places: Vec<(Area, T)> = places.into_iter().collect();
        places.retain(|(area, _)| self.free(area));
        let clear = places.iter().position(|(area, _)| self.clear(area));
        let (area, place) = places.into_iter().nth(clear.unwrap_or(0))?;
        self.take(area);
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
    fn a_label_stands_on_no_rule_where_it_has_a_choice() {
        let area = |baseline: f32| Area::of_text(0.0, baseline, 20.0, 7.0);
        let mut taken = Taken::default();
        taken.rule(50.0);
        let places = [52.0, 48.0, 40.0].map(|y| (area(y), y));
        assert_eq!(taken.first_free(places), Some(48.0));
        assert_eq!(taken.first_free([(area(55.4), 55.4)]), Some(55.4));
        assert_eq!(taken.first_free([(area(53.0), 53.0)]), None);
    }

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
