/* Trading calendar: the hours of a week in which the reference of a market trades, and what holds
 * outside of them. docs/spec/risk.md section 11. */
#ifndef HEADRACE_CALENDAR_IMPL_H
#define HEADRACE_CALENDAR_IMPL_H

#include "state_impl.h"

enum { HR_HOURS_PER_DAY = 24, HR_HOURS_PER_WEEK = 168 };

/* Does the market close at all? All hours out of session would be no calendar. */
static bool hr_has_calendar(const struct hr_market_risk *risk) {
    uint32_t any = 0;
    for (uint32_t day = 0; day < 7; day++) any |= risk->session_days[day];
    return any != 0;
}

/* Is an hour of the week in session? Hour 0 is Thursday's first, as in the epoch. */
static bool hr_hour_is_in_session(const struct hr_market_risk *risk, uint32_t hour) {
    return risk->session_days[hour / HR_HOURS_PER_DAY] >> hour % HR_HOURS_PER_DAY & 1;
}

static uint32_t hr_hour_of_week(uint64_t time_s) {
    return (uint32_t)(time_s / HR_HOUR_S % HR_HOURS_PER_WEEK);
}

/* A calendar has a band for the time off session, so that a look at it answers for most markets. */
static inline bool hr_is_in_session(const struct hr_market_risk *risk, uint64_t time_s) {
    return risk->weekend_band_ppm == 0 || !hr_has_calendar(risk) ||
           hr_hour_is_in_session(risk, hr_hour_of_week(time_s));
}

HR_COLD bool hr_session_begins(const struct hr_market_risk *risk, uint64_t now_s) {
    const uint32_t hour = hr_hour_of_week(now_s);
    return hr_has_calendar(risk) && now_s % HR_HOUR_S < HR_REOPEN_POST_ONLY_S &&
           hr_hour_is_in_session(risk, hour) &&
           !hr_hour_is_in_session(risk, (hour + HR_HOURS_PER_WEEK - 1) % HR_HOURS_PER_WEEK);
}

/* Does the market take post-only orders only: after a halt, or as a session begins? */
static inline bool hr_is_post_only(struct hr_core *c, const struct hr_market_risk *risk) {
    const uint64_t now_s = c->header->now_s;
    return now_s < risk->opens_s || (risk->weekend_band_ppm && hr_session_begins(risk, now_s));
}

/* How far prices may be from the close while the market is off session. */
static inline uint32_t hr_weekend_distance(const struct hr_market_risk *risk) {
    return (uint32_t)((uint64_t)risk->close_price * risk->weekend_band_ppm / HR_PPM);
}

/* Is the close what prices are held to at that time? */
static inline bool hr_is_held_to_close(const struct hr_market_risk *risk, uint64_t time_s) {
    return risk->close_price != 0 && !hr_is_in_session(risk, time_s);
}

/* Is the price of an order too far from the close? */
static inline bool hr_outside_weekend_band(struct hr_core *c, const struct hr_market_risk *risk,
                                           uint32_t price) {
    if (!hr_is_held_to_close(risk, c->header->now_s)) return false;
    const uint32_t close = risk->close_price;
    const uint32_t distance = price > close ? price - close : close - price;
    return distance > hr_weekend_distance(risk);
}

#endif
