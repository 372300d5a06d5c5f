package dev.chancery.acme;

import dev.chancery.core.TokenAway;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends what a crash or an unknown outcome left processing. Safe on several nodes at once: an order
 * is taken over by a compare-and-set before anything is done about it.
 */
final class OrderRecovery {
  private static final Logger LOG = LoggerFactory.getLogger(OrderRecovery.class);
  private static final int MOST_AT_ONCE = 100;

  private final Orders orders;
  private final Issuance issuance;
  private final Clock clock;
  private final Map<String, AcmeEndpoint> endpoints;

  OrderRecovery(Orders orders, Issuance issuance, Clock clock, List<AcmeEndpoint> endpoints) {
    this.orders = orders;
    this.issuance = issuance;
    this.clock = clock;
    this.endpoints =
        endpoints.stream().collect(Collectors.toUnmodifiableMap(AcmeEndpoint::name, one -> one));
  }

  /**
   * Settles orders that have been processing since before an instant; returns how many it settled.
   * Those that need CAA come last and, once nobody answers for it, wait for a later pass: each may
   * take as long as DNS is patient.
   */
  int run(Instant before) {
    List<Orders.Interrupted> found =
        new ArrayList<>(orders.interrupted(endpoints.keySet(), before, MOST_AT_ONCE));
    found.sort(Comparator.comparing(interrupted -> endpoint(interrupted).heedsCaa()));
    int settled = 0;
    boolean caaAnswers = true;
    for (Orders.Interrupted interrupted : found) {
      Optional<Order.Processing> taken = orders.takeOver(interrupted.order(), Times.now(clock));
      if (taken.isEmpty()) {
        continue;
      }
      switch (settle(endpoint(interrupted), taken.get(), caaAnswers)) {
        case SETTLED -> settled++;
        case NO_CAA -> caaAnswers = false;
        case LEFT -> {}
      }
    }
    return settled;
  }

  private AcmeEndpoint endpoint(Orders.Interrupted interrupted) {
    return Objects.requireNonNull(endpoints.get(interrupted.endpoint()));
  }

  /** How it went with an order. */
  private enum Settling {
    SETTLED,
    /** It is where it was. */
    LEFT,
    /** It is where it was, since whether CAA permits it could not be found out. */
    NO_CAA,
  }

  private Settling settle(AcmeEndpoint endpoint, Order.Processing order, boolean caaAnswers) {
    try {
      if (issuance.settleIssued(order)) {
        return Settling.SETTLED;
      }
      if (endpoint.heedsCaa() && !caaAnswers) {
        return Settling.LEFT;
      }
      issuance.issueAfterAll(endpoint, order);
      return Settling.SETTLED;
    } catch (AcmeProblem e) {
      // What can be tried again is an outage of CAA; all else has made the order invalid.
      return e.retryAfter().isPresent() ? Settling.NO_CAA : Settling.SETTLED;
    } catch (TokenAway e) {
      LOG.warn("order {} waits for the token", order.details().id());
      return Settling.LEFT;
    } catch (RuntimeException e) {
      // One order that cannot be settled must not keep the others from it.
      LOG.error("order {} could not be settled", order.details().id(), e);
      return Settling.LEFT;
    }
  }
}
