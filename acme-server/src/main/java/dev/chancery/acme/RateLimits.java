package dev.chancery.acme;

import java.util.Map;
import java.util.Optional;

/**
 * How often the clients of an endpoint may do what costs it something. Each node counts for itself.
 *
 * @param limits none for what may happen as often as it will
 * @param status the HTTP status of a refusal: 429, or 503 for the sake of clients that take 429 for
 *     the end
 */
public record RateLimits(Map<Kind, RateLimit> limits, int status) {
  public static final int USUAL_STATUS = 429;
  public static final RateLimits NONE = new RateLimits(Map.of(), USUAL_STATUS);

  /** What is counted. */
  public enum Kind {
    /** Accounts that are made from one IPv4 address or one IPv6 network of 64 bits. */
    NEW_ACCOUNTS_PER_ADDRESS("newAccountsPerAddress"),
    NEW_ORDERS("newOrders"),
    NEW_ORDERS_PER_ACCOUNT("newOrdersPerAccount"),
    /** Of all accounts that a binding key has bound. */
    NEW_ORDERS_PER_BINDING_KEY("newOrdersPerBindingKey"),
    /** A wildcard counts as the name below which it stands. */
    NEW_ORDERS_PER_NAME("newOrdersPerName"),
    /** Challenges of one account for one name that ended invalid. */
    FAILED_VALIDATIONS_PER_NAME("failedValidationsPerName");

    private final String key;

    Kind(String key) {
      this.key = key;
    }

    /** What an operator calls it in the configuration, and a client is told. */
    public String key() {
      return key;
    }
  }

  public RateLimits {
    limits = Map.copyOf(limits);
    if (status != USUAL_STATUS && status != 503) {
      throw new IllegalArgumentException("429 or 503, not " + status);
    }
  }

  Optional<RateLimit> of(Kind kind) {
    return Optional.ofNullable(limits.get(kind));
  }

  AcmeError refusal() {
    return status == USUAL_STATUS ? AcmeError.RATE_LIMITED : AcmeError.RATE_LIMITED_AS_OUTAGE;
  }
}
