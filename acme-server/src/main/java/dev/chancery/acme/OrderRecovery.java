package dev.chancery.acme;

import dev.chancery.core.TokenAway;
import java.time.Clock;
import java.time.Duration;
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

  /** Settles orders that have been processing for longer than this; returns how many it settled. */
  int run(Duration longerThan) {
    int settled = 0;
    for (Orders.Interrupted interrupted :
        orders.interrupted(endpoints.keySet(), Times.now(clock).minus(longerThan), MOST_AT_ONCE)) {
      AcmeEndpoint endpoint = Objects.requireNonNull(endpoints.get(interrupted.endpoint()));
      Optional<Order.Processing> taken = orders.takeOver(interrupted.order(), Times.now(clock));
      if (taken.isPresent() && settle(endpoint, taken.get())) {
        settled++;
      }
    }
    return settled;
  }

  private boolean settle(AcmeEndpoint endpoint, Order.Processing order) {
    try {
      issuance.settle(endpoint, order);
      return true;
    } catch (AcmeProblem e) {
      return e.retryAfter().isEmpty();
    } catch (TokenAway e) {
      LOG.warn("order {} waits for the token", order.details().id());
      return false;
    } catch (RuntimeException e) {
      // One order that cannot be settled must not keep the others from it.
      LOG.error("order {} could not be settled", order.details().id(), e);
      return false;
    }
  }
}
