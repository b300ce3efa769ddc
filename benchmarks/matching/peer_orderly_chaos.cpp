// SPDX-License-Identifier: Apache-2.0
//
// The peer of the matching benchmark: the C++17 headers of `orderly-chaos` 0.2.0 (PyPI sdist,
// MIT) driven by one native loop over preloaded messages. offchain/bench/peers.py fetches the
// headers and compiles this file with the compiler and flags of our own core.
//
// How the peer is used, always by its public `LimitOrderBook` and always the fastest way it has:
// - Direct C++ calls, as its README measures itself; its C API and ctypes binding add a call.
// - Ids: the message index. Dense integers suit its `std::unordered_map` (identity hash).
// - Sizes: it offers no reserve, pool or allocator setting, so none is used. The book is built
//   and destroyed outside the timed loop; from the second run on malloc reuses warm memory.
// - Fills: the trade handler is its only report of who was filled. It writes 12 bytes to a buffer
//   that is allocated and touched before the clock starts; the hash is taken after it stops.
//   The capture is one pointer, which `std::function` keeps inside itself (no allocation).
// - IOC with a limit price: it has `limit` (rests) and `market` (no limit price). `market` for at
//   most the size at the best price, level by level, spares the order index and measured 2 % (zig)
//   to 8 % (g++) less time over the whole workload than `limit` and a `cancel` of the rest.
// - Cancels go straight to `cancel`, without a `has` lookup before: every cancel of the workload
//   is live. `try` outside the loop costs nothing until something is thrown.

#include "workload.h"

#include <algorithm>
#include <chrono>
#include <orderly_chaos/limit_order_book.hpp>
#include <vector>

namespace {

using orderly_chaos::LimitOrderBook;
using orderly_chaos::Side;
using orderly_chaos::Trade;

void take(LimitOrderBook &book, uint64_t id, const hr_bench_message &order)
{
    const Side side = order.is_bid ? Side::Buy : Side::Sell;
    uint32_t open_size = order.size;
    while (open_size > 0) {
        const uint64_t best = book.best(!side);  // 0: nothing rests there
        const bool crosses = order.is_bid ? best <= order.price_ticks : best >= order.price_ticks;
        if (best == 0 || !crosses) {
            return;
        }
        const uint64_t available = book.volume_best(!side);
        const uint64_t level_size = std::min<uint64_t>(open_size, available);
        open_size -= book.market(side, id, static_cast<uint32_t>(level_size));
    }
}

void replay(LimitOrderBook &book, const hr_bench_message *messages, size_t message_count)
{
    for (size_t id = 0; id < message_count; id++) {
        const hr_bench_message &message = messages[id];
        if (message.kind == HR_BENCH_ADD) {
            const Side side = message.is_bid ? Side::Buy : Side::Sell;
            book.limit(side, id, message.size, message.price_ticks);
        } else if (message.kind == HR_BENCH_CANCEL) {
            book.cancel(message.order_ref);
        } else {
            take(book, id, message);
        }
    }
}

}  // namespace

// Returns: seconds spent in the loop, by a monotonic clock; negative when the peer refused a
// message, which means that the workload breaks the rules of workload.h.
// In: messages, message_count.
// Out: fill_hash (hr_bench_fill_hash), fill_count.
extern "C" __attribute__((visibility("default"))) double
peer_run(const hr_bench_message *messages, size_t message_count,
                           uint64_t *fill_hash, uint64_t *fill_count)
{
    try {
        // Every fill ends at least one order and a message brings at most one: fills <= messages.
        std::vector<hr_bench_fill> fills(message_count);
        hr_bench_fill *next_fill = fills.data();
        LimitOrderBook book;
        book.set_trade_handler([&next_fill](const Trade &trade) {
            *next_fill++ = {static_cast<uint32_t>(trade.maker_id), trade.quantity,
                            static_cast<uint32_t>(trade.price)};
        });

        const auto start = std::chrono::steady_clock::now();
        replay(book, messages, message_count);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;

        const size_t count = static_cast<size_t>(next_fill - fills.data());
        *fill_hash = hr_bench_fill_hash(fills.data(), count);
        *fill_count = count;
        return elapsed.count();
    } catch (...) {
        return -1.0;
    }
}
