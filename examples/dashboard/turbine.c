/* turbine.c -- a small wind turbine: measured by one thread, seen by all.
 * SPDX-License-Identifier: MIT */
#include "dashboard.h"

#include <pthread.h>
#include <stdio.h>

enum { KEPT = 120, EACH_MS = 100, MOST_POWER = 2000, HEIGHT = 1000, STEP = 10 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static reading readings[KEPT];                           /* a ring */
static unsigned long count;
static uint32_t dice = 2463534242;

/* ---- the wind ---- */

/* From -1 to 1. */
static double chance(void) {
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return (double)dice / 2147483648.0 - 1;
}

/* It comes in gusts, and the rotor follows slowly. */
static void measure(void) {
    static double gust = 9;
    const reading last = readings[(count + KEPT - 1) % KEPT];
    reading *now = &readings[count++ % KEPT];
    gust = count % 40 == 0 ? 9 + 4 * chance() : gust;
    now->wind = last.wind + (gust - last.wind) * 0.06 + 0.12 * chance();
    now->rotor = last.rotor + (1.6 * now->wind - last.rotor) * 0.1;
    const double x = now->rotor / 24;
    now->power = (int)(MOST_POWER * x * x * x);
    now->power = now->power > MOST_POWER ? MOST_POWER : now->power;
}

void turbine_init(void) {
    readings[KEPT - 1] = (reading){.wind = 9, .rotor = 14};
    for (int i = 0; i < KEPT; i++) {
        measure();
    }
}

reading turbine_now(void) {
    (void)pthread_mutex_lock(&lock);
    const reading r = readings[(count - 1) % KEPT];
    (void)pthread_mutex_unlock(&lock);
    return r;
}

/* ---- the chart ---- */

static int height(int power) { return HEIGHT - power * HEIGHT / MOST_POWER; }

/* "L0 512L10 498...": a path that markup is being written around. */
static void put_points(cstar_html *h, const int power[KEPT]) {
    for (int i = 0, x = 0; i < KEPT; i++, x += STEP) {
        cstar_put(h, "L{} {}", x, height(power[i]));
    }
}

void turbine_put_curve(cstar_html *h) {
    int power[KEPT];
    (void)pthread_mutex_lock(&lock);
    for (unsigned long i = 0; i < KEPT; i++) {
        power[i] = readings[(count + i) % KEPT].power;
    }
    (void)pthread_mutex_unlock(&lock);
    const int right = (KEPT - 1) * STEP;
    cstar_put(h, "<g id='curve'><path class='area' d='M0 {}", (int)HEIGHT);
    put_points(h, power);
    cstar_put(h, "L{} {}Z'/><path class='line' d='M0 {}", right, (int)HEIGHT, height(power[0]));
    put_points(h, power);
    cstar_put(h, "'/></g>");
}

/* ---- telling ---- */

static void publish(cstar_app *app) {
    char json[96];
    const reading r = turbine_now();
    (void)snprintf(json, sizeof json, "{\"wind\":%.1f,\"rotor\":%.1f,\"power\":%d}", r.wind,
                   r.rotor, r.power);
    (void)cstar_publish_signals(app, TURBINE_TOPIC, json, .key = "numbers");
    cstar_publish_patch(app, TURBINE_TOPIC, h, .ns = CSTAR_NS_SVG, .key = "curve") {
        turbine_put_curve(h);
    }
}

void turbine_run(cstar_app *app) {
    while (cstar_sleep(app, EACH_MS)) {
        (void)pthread_mutex_lock(&lock);
        measure();
        (void)pthread_mutex_unlock(&lock);
        publish(app);
    }
}
