package dev.chancery.acme;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.chancery.acme.RateLimits.Kind;
import dev.chancery.core.AccountId;
import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.Name;
import io.github.bucket4j.Bandwidth;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import io.github.bucket4j.EstimationProbe;
import io.github.bucket4j.TimeMeter;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Refuses what would happen too often by the limits of its endpoint (RFC 8555 section 6.6). What
 * falls under several limits is counted by all of them or, when one refuses it, by none.
 *
 * <p>Counts are token buckets in this node's memory: as many as have been asked for lately, up to a
 * number. A bucket that nobody asked for in its period is full, so forgetting it changes nothing.
 */
final class RateLimiter {
  /** Of each limit of an endpoint; the least used are forgotten beyond it. About 20 MB. */
  private static final int MOST_BUCKETS = 100_000;

  private static final String EVERYBODY = "";

  private final Map<String, Limited> endpoints = new HashMap<>();

  RateLimiter(List<AcmeEndpoint> endpoints, Clock clock) {
    for (AcmeEndpoint endpoint : endpoints) {
      this.endpoints.put(endpoint.name(), new Limited(endpoint.rateLimits(), clock));
    }
  }

  /**
   * Counts an account that is about to be made.
   *
   * @throws AcmeProblem rateLimited
   */
  void newAccount(AcmeEndpoint endpoint, Cidr network) throws AcmeProblem {
    of(endpoint).take(Map.of(Kind.NEW_ACCOUNTS_PER_ADDRESS, Set.of(network.toString())));
  }

  /**
   * Counts an order that is about to be made.
   *
   * @param names none when only the endpoint's own limit is to count it
   * @throws AcmeProblem rateLimited
   */
  void newOrder(AcmeEndpoint endpoint, Account account, Set<Name> names) throws AcmeProblem {
    Map<Kind, Set<String>> uses = usesOf(account);
    uses.put(
        Kind.NEW_ORDERS_PER_NAME,
        Set.copyOf(names.stream().map(RateLimiter::counted).distinct().toList()));
    of(endpoint).take(uses);
  }

  /**
   * Counts an order that replaces a certificate and asks for nothing that this one does not have:
   * only the endpoint as a whole is spared such.
   *
   * @throws AcmeProblem rateLimited
   */
  void renewal(AcmeEndpoint endpoint) throws AcmeProblem {
    of(endpoint).take(Map.of(Kind.NEW_ORDERS, Set.of(EVERYBODY)));
  }

  /**
   * Counts an authorization that is asked for before an order: as an order, except that its name
   * has not been ordered yet.
   *
   * @throws AcmeProblem rateLimited
   */
  void newAuthorization(AcmeEndpoint endpoint, Account account) throws AcmeProblem {
    of(endpoint).take(usesOf(account));
  }

  private static Map<Kind, Set<String>> usesOf(Account account) {
    Map<Kind, Set<String>> uses = new EnumMap<>(Kind.class);
    uses.put(Kind.NEW_ORDERS, Set.of(EVERYBODY));
    uses.put(Kind.NEW_ORDERS_PER_ACCOUNT, Set.of(account.id().toString()));
    account
        .binding()
        .ifPresent(
            bound -> uses.put(Kind.NEW_ORDERS_PER_BINDING_KEY, Set.of(bound.key().toString())));
    return uses;
  }

  /**
   * Refuses to attempt a validation when too many of the account for the name have failed.
   *
   * @throws AcmeProblem rateLimited
   */
  void requireFewFailures(AcmeEndpoint endpoint, AccountId account, Name name) throws AcmeProblem {
    of(endpoint).require(Kind.FAILED_VALIDATIONS_PER_NAME, failing(account, name));
  }

  /** Counts a validation that failed. */
  void failed(AcmeEndpoint endpoint, AccountId account, Name name) {
    of(endpoint).count(Kind.FAILED_VALIDATIONS_PER_NAME, failing(account, name));
  }

  private static String failing(AccountId account, Name name) {
    return account + " " + counted(name);
  }

  private static String counted(Name name) {
    return name instanceof DnsName dns ? dns.base().value() : name.value();
  }

  private Limited of(AcmeEndpoint endpoint) {
    Limited limited = endpoints.get(endpoint.name());
    if (limited == null) {
      throw new IllegalArgumentException("not an endpoint of this server: " + endpoint.name());
    }
    return limited;
  }

  /** The limits of one endpoint. */
  private static final class Limited {
    private final RateLimits limits;
    private final TimeMeter time;
    private final Map<Kind, Cache<String, Bucket>> buckets = new EnumMap<>(Kind.class);

    Limited(RateLimits limits, Clock clock) {
      this.limits = limits;
      this.time = new ClockTime(clock);
      limits
          .limits()
          .forEach((kind, limit) ->
              buckets.put(
                  kind,
                  Caffeine.newBuilder()
                      .maximumSize(MOST_BUCKETS)
                      .expireAfterAccess(limit.period())
                      .ticker(time::currentTimeNanos)
                      // On the thread that asks, so that nothing is left to run when it ends.
                      .executor(Runnable::run)
                      .build()));
    }

    /** One of each of these, or none. */
    void take(Map<Kind, Set<String>> uses) throws AcmeProblem {
      // First by a look: what is refused anyway must not hold for a moment what others may have.
      Map<Kind, Long> refused = new LinkedHashMap<>();
      for (Map.Entry<Kind, Set<String>> use : uses.entrySet()) {
        for (String whose : use.getValue()) {
          untilOneMore(use.getKey(), whose)
              .ifPresent(wait -> refused.merge(use.getKey(), wait, Math::max));
        }
      }
      if (!refused.isEmpty()) {
        throw refusal(refused);
      }
      // What is left then may have been taken since.
      List<Bucket> taken = new ArrayList<>();
      for (Map.Entry<Kind, Set<String>> use : uses.entrySet()) {
        for (String whose : use.getValue()) {
          Optional<Bucket> bucket = bucket(use.getKey(), whose);
          if (bucket.isPresent()) {
            ConsumptionProbe probe = bucket.get().tryConsumeAndReturnRemaining(1);
            if (probe.isConsumed()) {
              taken.add(bucket.get());
            } else {
              refused.merge(use.getKey(), probe.getNanosToWaitForRefill(), Math::max);
            }
          }
        }
      }
      if (!refused.isEmpty()) {
        taken.forEach(bucket -> bucket.addTokens(1));
        throw refusal(refused);
      }
    }

    /** Whether one more would be counted, without counting it. */
    void require(Kind kind, String whose) throws AcmeProblem {
      Optional<Long> wait = untilOneMore(kind, whose);
      if (wait.isPresent()) {
        throw refusal(Map.of(kind, wait.get()));
      }
    }

    /** The nanoseconds until one more would be counted; nothing when it would be now. */
    private Optional<Long> untilOneMore(Kind kind, String whose) {
      return bucket(kind, whose)
          .map(bucket -> bucket.estimateAbilityToConsume(1))
          .filter(probe -> !probe.canBeConsumed())
          .map(EstimationProbe::getNanosToWaitForRefill);
    }

    /** What has happened counts as far as there is something left. */
    void count(Kind kind, String whose) {
      bucket(kind, whose)
          .ifPresent(bucket -> {
            boolean _ = bucket.tryConsume(1);
          });
    }

    private Optional<Bucket> bucket(Kind kind, String whose) {
      Cache<String, Bucket> counted = buckets.get(kind);
      return counted == null
          ? Optional.empty()
          : Optional.of(counted.get(whose, _ -> full(limits.of(kind).orElseThrow())));
    }

    private Bucket full(RateLimit limit) {
      return Bucket.builder()
          .addLimit(
              Bandwidth.builder()
                  .capacity(limit.most())
                  .refillGreedy(limit.most(), limit.period())
                  .build())
          .withCustomTimePrecision(time)
          .build();
    }

    /** Names every limit that is met; the wait is over when the last of them lets one more pass. */
    private AcmeProblem refusal(Map<Kind, Long> nanosToWait) {
      StringBuilder met = new StringBuilder();
      long longest = 0;
      for (Map.Entry<Kind, Long> refused : nanosToWait.entrySet()) {
        RateLimit limit = limits.of(refused.getKey()).orElseThrow();
        met.append(met.isEmpty() ? "" : ", ")
            .append(refused.getKey().key())
            .append(" (")
            .append(limit.most())
            .append(" in ")
            .append(limit.period())
            .append(')');
        longest = Math.max(longest, refused.getValue());
      }
      long seconds = Math.ceilDiv(longest, TimeUnit.SECONDS.toNanos(1));
      return new AcmeProblem(limits.refusal(), "met a limit of this endpoint: " + met)
          .retryAfter(Math.max(1, Math.toIntExact(seconds)));
    }
  }

  /** The server's clock, as the buckets ask for it. */
  private record ClockTime(Clock clock) implements TimeMeter {
    @Override
    public long currentTimeNanos() {
      Instant now = clock.instant();
      return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
    }

    @Override
    public boolean isWallClockBased() {
      return true;
    }
  }
}
