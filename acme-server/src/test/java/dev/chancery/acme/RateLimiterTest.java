package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.acme.RateLimits.Kind;
import dev.chancery.core.AccountId;
import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.testing.AdjustableClock;
import java.net.InetAddress;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What limits count, and how long a refusal lasts (RFC 8555 section 6.6). */
final class RateLimiterTest {
  private static final Duration HOUR = Duration.ofHours(1);
  private static final BindingKeyId KEY = new BindingKeyId(new UUID(3, 4));

  private final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-11-25T10:00:00Z"));
  private final AccountKey accountKey = accountKey();

  private static AccountKey accountKey() {
    try {
      return AccountKey.parse((ObjectNode) new AcmeClient(URI.create("http://localhost")).jwk());
    } catch (AcmeProblem e) {
      throw new IllegalStateException(e);
    }
  }

  private static AcmeEndpoint endpoint(Map<Kind, RateLimit> limits) {
    return new EndpointBuilder(AcmeEndpoint.DEFAULT, URI.create("https://acme.example"))
        .rateLimits(new RateLimits(limits, 429))
        .build();
  }

  private RateLimiter limiter(AcmeEndpoint... endpoints) {
    return new RateLimiter(List.of(endpoints), clock);
  }

  private Account account(int number, Optional<BindingKeyId> bound) {
    return new Account(
        new AccountId(new UUID(1, number)),
        accountKey,
        List.of(),
        Optional.empty(),
        bound.map(key -> new ExternalAccountBinding.Verified(key, "{}")));
  }

  private static Set<Name> names(String... names) {
    return Stream.of(names).map(DnsName::new).collect(Collectors.toSet());
  }

  /** What an action that is refused tells: the detail, and the seconds to wait. */
  private record Told(String detail, int retryAfter) {}

  private interface Action {
    void run() throws AcmeProblem;
  }

  private static Told refused(Action action) {
    try {
      action.run();
    } catch (AcmeProblem e) {
      assertThat(e.problem().error()).isEqualTo(AcmeError.RATE_LIMITED);
      return new Told(e.problem().detail(), e.retryAfter().orElseThrow());
    }
    throw new AssertionError("not refused");
  }

  @Test
  @DisplayName("so many at once, then one after each part of the period")
  void refill() throws Exception {
    AcmeEndpoint endpoint = endpoint(Map.of(Kind.NEW_ORDERS, new RateLimit(4, HOUR)));
    RateLimiter limiter = limiter(endpoint);
    for (int i = 0; i < 4; i++) {
      limiter.newOrder(endpoint, account(i, Optional.empty()), names("a.example"));
    }
    Action order = () -> limiter.newOrder(endpoint, account(9, Optional.empty()), names("b"));
    Told told = refused(order);
    assertThat(told.retryAfter()).isEqualTo(900);
    assertThat(told.detail()).contains("newOrders (4 in PT1H)");
    clock.advance(Duration.ofSeconds(899).plusMillis(500));
    // Half a second is left: whole seconds, rounded up, so that nobody comes too early.
    assertThat(refused(order).retryAfter()).isEqualTo(1);
    clock.advance(Duration.ofMillis(500));
    order.run();
    assertThat(refused(order).retryAfter()).isEqualTo(900);
    clock.advance(HOUR.multipliedBy(10));
    for (int i = 0; i < 4; i++) {
      order.run();
    }
    refused(order);
  }

  @Test
  @DisplayName("what one limit refuses is not counted by another, and the longest wait is told")
  void allOrNone() throws Exception {
    AcmeEndpoint endpoint =
        endpoint(
            Map.of(
                Kind.NEW_ORDERS, new RateLimit(2, HOUR),
                Kind.NEW_ORDERS_PER_ACCOUNT, new RateLimit(10, HOUR),
                Kind.NEW_ORDERS_PER_NAME, new RateLimit(1, HOUR)));
    RateLimiter limiter = limiter(endpoint);
    Account account = account(1, Optional.empty());
    limiter.newOrder(endpoint, account, names("a.example"));
    for (int i = 0; i < 5; i++) {
      Told told =
          refused(() -> limiter.newOrder(endpoint, account, names("a.example", "b.example")));
      assertThat(told.detail()).contains("newOrdersPerName").doesNotContain("newOrders (");
      assertThat(told.retryAfter()).isEqualTo(3600);
    }
    limiter.newOrder(endpoint, account, names("b.example"));
    Told both = refused(() -> limiter.newOrder(endpoint, account, names("b.example")));
    assertThat(both.detail()).contains("newOrders (2 in PT1H)", "newOrdersPerName (1 in PT1H)");
    assertThat(both.retryAfter()).isEqualTo(3600);
    assertThat(refused(() -> limiter.newOrder(endpoint, account, names("c"))).retryAfter())
        .isEqualTo(1800);
    clock.advance(Duration.ofMinutes(30));
    limiter.newOrder(endpoint, account, names("c"));
  }

  @Test
  @DisplayName("a wildcard counts as the name below which it stands, whoever orders it")
  void wildcard() throws Exception {
    AcmeEndpoint endpoint = endpoint(Map.of(Kind.NEW_ORDERS_PER_NAME, new RateLimit(1, HOUR)));
    RateLimiter limiter = limiter(endpoint);
    limiter.newOrder(endpoint, account(1, Optional.empty()), names("*.a.example", "a.example"));
    refused(() -> limiter.newOrder(endpoint, account(2, Optional.empty()), names("a.example")));
    limiter.newOrder(endpoint, account(2, Optional.empty()), names("b.a.example"));
    Name address = new IpName(InetAddress.ofLiteral("192.0.2.1"));
    limiter.newOrder(endpoint, account(2, Optional.empty()), Set.of(address));
    refused(() -> limiter.newOrder(endpoint, account(3, Optional.empty()), Set.of(address)));
  }

  @Test
  @DisplayName("accounts count apart, and those of one binding key together")
  void bindingKey() throws Exception {
    AcmeEndpoint endpoint =
        endpoint(
            Map.of(
                Kind.NEW_ORDERS_PER_BINDING_KEY, new RateLimit(2, HOUR),
                Kind.NEW_ORDERS_PER_ACCOUNT, new RateLimit(1, HOUR)));
    RateLimiter limiter = limiter(endpoint);
    limiter.newOrder(endpoint, account(1, Optional.of(KEY)), names("a"));
    assertThat(
            refused(() -> limiter.newOrder(endpoint, account(1, Optional.of(KEY)), names("a")))
                .detail())
        .contains("newOrdersPerAccount");
    limiter.newAuthorization(endpoint, account(2, Optional.of(KEY)));
    assertThat(
            refused(() -> limiter.newOrder(endpoint, account(3, Optional.of(KEY)), names("a")))
                .detail())
        .contains("newOrdersPerBindingKey");
    limiter.newOrder(endpoint, account(4, Optional.empty()), names("a"));
  }

  @Test
  @DisplayName("a renewal counts for the endpoint as a whole only")
  void renewal() throws Exception {
    AcmeEndpoint endpoint =
        endpoint(
            Map.of(
                Kind.NEW_ORDERS, new RateLimit(3, HOUR),
                Kind.NEW_ORDERS_PER_ACCOUNT, new RateLimit(1, HOUR),
                Kind.NEW_ORDERS_PER_NAME, new RateLimit(1, HOUR)));
    RateLimiter limiter = limiter(endpoint);
    limiter.newOrder(endpoint, account(1, Optional.empty()), names("a"));
    limiter.renewal(endpoint);
    limiter.renewal(endpoint);
    assertThat(refused(() -> limiter.renewal(endpoint)).detail()).contains("newOrders (3");
  }

  @Test
  @DisplayName("failures of one account for one name keep only these from another attempt")
  void failures() throws Exception {
    AcmeEndpoint endpoint =
        endpoint(Map.of(Kind.FAILED_VALIDATIONS_PER_NAME, new RateLimit(2, HOUR)));
    RateLimiter limiter = limiter(endpoint);
    AccountId one = new AccountId(new UUID(1, 1));
    Name name = new DnsName("a.example");
    for (int i = 0; i < 5; i++) {
      limiter.failed(endpoint, one, new DnsName("*.a.example"));
    }
    assertThat(refused(() -> limiter.requireFewFailures(endpoint, one, name)).retryAfter())
        .isEqualTo(1800);
    limiter.requireFewFailures(endpoint, one, new DnsName("b.example"));
    limiter.requireFewFailures(endpoint, new AccountId(new UUID(1, 2)), name);
    clock.advance(Duration.ofMinutes(30));
    // To ask costs nothing.
    limiter.requireFewFailures(endpoint, one, name);
    limiter.requireFewFailures(endpoint, one, name);
  }

  @Test
  @DisplayName("endpoints count apart, and one without limits refuses nothing")
  void endpoints() throws Exception {
    AcmeEndpoint limited = endpoint(Map.of(Kind.NEW_ORDERS, new RateLimit(1, HOUR)));
    AcmeEndpoint free = new EndpointBuilder("free", URI.create("https://acme.example")).build();
    RateLimiter limiter = limiter(limited, free);
    limiter.renewal(limited);
    refused(() -> limiter.renewal(limited));
    for (int i = 0; i < 1000; i++) {
      limiter.newOrder(free, account(1, Optional.empty()), names("a"));
      limiter.failed(free, new AccountId(new UUID(1, 1)), new DnsName("a"));
    }
    limiter.requireFewFailures(free, new AccountId(new UUID(1, 1)), new DnsName("a"));
  }

  @Test
  @Timeout(60)
  @DisplayName("of many at once exactly as many pass as there may")
  void atOnce() throws Exception {
    AcmeEndpoint endpoint =
        endpoint(Map.of(Kind.NEW_ACCOUNTS_PER_ADDRESS, new RateLimit(20, HOUR)));
    RateLimiter limiter = limiter(endpoint);
    AtomicInteger passed = new AtomicInteger();
    CountDownLatch start = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 200; i++) {
        var _ =
            threads.submit(() -> {
              start.await();
              limiter.newAccount(endpoint, Cidr.parse("192.0.2.1"));
              return passed.incrementAndGet();
            });
      }
      start.countDown();
    }
    assertThat(passed).hasValue(20);
    limiter.newAccount(endpoint, Cidr.parse("192.0.2.2"));
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.1, 192.0.2.1/32",
    "2001:db8:1:2:3:4:5:6, 2001:db8:1:2:0:0:0:0/64",
    "::1, 0:0:0:0:0:0:0:0/64",
    "::ffff:192.0.2.1, 192.0.2.1/32"
  })
  @DisplayName("an IPv4 address counts by itself, an IPv6 address with all of its /64")
  void networks(String address, String network) {
    assertThat(PeerNetwork.of(InetAddress.ofLiteral(address))).hasToString(network);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0 PT1H", "-1 PT1H", "1 PT0.5S", "1 P367D"})
  @DisplayName("a limit of nothing, or over a period that is none, is no limit")
  void noLimit(String text) {
    String[] parts = text.split(" ", 2);
    assertThatThrownBy(() -> new RateLimit(Integer.parseInt(parts[0]), Duration.parse(parts[1])))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new RateLimits(Map.of(), 500))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
