package dev.chancery.kubernetes;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.Cidr;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.net.InetAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("Roles, credentials and tokens in a database")
class StoredTest {
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();

  @TempDir Path folder;
  private final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-11-25T12:00:00Z"));
  private final SecureRandom random = new SecureRandom();

  private Database open(DatabaseKind kind) throws Exception {
    TestDatabase where = kind.create(folder);
    return Database.open(
        new DatabaseSettings(
            where.url(), where.user(), where::password, 8, Duration.ofSeconds(20)));
  }

  private static RolePolicy policy() {
    return new RolePolicy(
        new IssuerId("issuing"),
        new ProfileId("mesh-ca"),
        new NameRules(List.of("dns:a.test", "uri:spiffe://a.test/"), List.of("dns:x.a.test"), true),
        Optional.of(Duration.ofHours(1)),
        Optional.of(Duration.ofDays(1)),
        true,
        OptionalInt.of(1));
  }

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("who logs in by a certificate is known by its issuer too, the role's or another")
  void holders(DatabaseKind kind) throws Exception {
    try (Database database = open(kind)) {
      Roles roles = new Roles(database, clock, random);
      for (String issuer : List.of("issuing", "other")) {
        Role made = roles.create(new RoleName(issuer), policy(), logins(issuer), "test");
        assertThat(roles.find(made.id())).contains(made);
      }
    }
  }

  private static RoleLogins logins(String issuer) {
    return new RoleLogins(
        Optional.of(new ServiceAccounts("kubernetes", "vault://a", List.of("ns/*", "b/c"))),
        Optional.of(
            new CertificateHolders(
                new IssuerId(issuer), new NameRules(List.of("dns:agent.test"), List.of(), false))));
  }

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("a role is read as it was made; its name is its own; deleted, it is gone with all")
  void roles(DatabaseKind kind) throws Exception {
    try (Database database = open(kind)) {
      Roles roles = new Roles(database, clock, random);
      Role made = roles.create(new RoleName("mesh"), policy(), logins("issuing"), "test");

      assertThat(roles.find(new RoleName("mesh"))).contains(made);
      assertThat(roles.find(made.id())).contains(made);
      assertThat(roles.list()).containsExactly(made);
      assertThat(roles.named("no such\nname")).isEmpty();
      assertThatThrownBy(
              () -> roles.create(new RoleName("mesh"), policy(), RoleLogins.NONE, "test"))
          .isInstanceOf(Refused.class);
      Credentials credentials = new Credentials(database, clock, random);
      String secret = secretId(credentials, made, Optional.empty()).secret();
      roles.delete(new RoleName("mesh"), "test");
      assertThat(roles.list()).isEmpty();
      assertThatThrownBy(() -> credentials.login(made, secret, HERE))
          .isInstanceOf(VaultProblem.class);
      assertThatThrownBy(() -> secretId(credentials, made, Optional.empty()))
          .isInstanceOf(Refused.class);
      Role again = roles.create(new RoleName("mesh"), policy(), RoleLogins.NONE, "test");
      assertThat(again.id()).isNotEqualTo(made.id());
      assertThat(again.logins()).isEqualTo(RoleLogins.NONE);
    }
  }

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("the audit trail says all that a role may do, first what it may do most")
  void audited(DatabaseKind kind) throws Exception {
    try (Database database = open(kind)) {
      new Roles(database, clock, random)
          .create(new RoleName("mesh"), policy(), logins("other"), "test");

      assertThat(database.sql().select(AUDIT_EVENTS.DETAIL).from(AUDIT_EVENTS).fetchSingle())
          .extracting(row -> row.value1())
          .asString()
          .contains(
              "issuer issuing, profile mesh-ca, for CAs with a path length of 1, for PT1H, for"
                  + " PT24H at most, service accounts [ns/*, b/c] of kubernetes for vault://a,"
                  + " certificates [dns:agent.test] of other, names [dns:a.test,"
                  + " uri:spiffe://a.test/] with wildcards without [dns:x.a.test]");
    }
  }

  private Credentials.Made secretId(Credentials credentials, Role role, Optional<Integer> uses)
      throws Refused {
    return credentials.create(
        role,
        Credential.Kind.SECRET_ID,
        "label",
        List.of(Cidr.parse("127.0.0.0/8")),
        uses,
        Optional.of(clock.instant().plus(Duration.ofHours(1))),
        "test");
  }

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("a secret id with three uses lets three in, however many come at once")
  void uses(DatabaseKind kind) throws Exception {
    try (Database database = open(kind);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Role role =
          new Roles(database, clock, random)
              .create(new RoleName("mesh"), policy(), RoleLogins.NONE, "test");
      Credentials credentials = new Credentials(database, clock, random);
      Credentials.Made made = secretId(credentials, role, Optional.of(3));
      assertThat(credentials.list(role)).containsExactly(made.credential());

      List<Callable<Boolean>> logins = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        logins.add(() -> {
          try {
            return credentials.login(role, made.secret(), HERE) != null;
          } catch (VaultProblem e) {
            return false;
          }
        });
      }
      int let = 0;
      for (Future<Boolean> in : threads.invokeAll(logins)) {
        let += in.get() ? 1 : 0;
      }
      assertThat(let).isEqualTo(3);

      clock.advance(Duration.ofDays(2));
      assertThat(credentials.prune(10)).isEqualTo(1);
      assertThat(credentials.list(role)).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("a token is taken by every node with the key until it ends or is given up")
  void tokens(DatabaseKind kind) throws Exception {
    try (Database database = open(kind)) {
      Role role =
          new Roles(database, clock, random)
              .create(new RoleName("mesh"), policy(), RoleLogins.NONE, "test");
      byte[] secret = new byte[TokenKey.SECRET_OCTETS];
      Tokens one = tokens(database, new TokenKey(secret));
      Tokens other = tokens(database, new TokenKey(secret));
      secret[0] = 1;
      Tokens stranger = tokens(database, new TokenKey(secret));
      Tokens.Made first = one.make(role, "who");
      Tokens.Made second = one.make(role, "who");

      assertThat(other.read(first.text(), HERE)).isEqualTo(first.session());
      assertThatThrownBy(() -> stranger.read(first.text(), HERE)).isInstanceOf(VaultProblem.class);
      one.revoke(first.session(), role);
      one.revoke(first.session(), role);
      assertThatThrownBy(() -> other.read(first.text(), HERE)).isInstanceOf(VaultProblem.class);
      assertThat(other.read(second.text(), HERE)).isEqualTo(second.session());
      assertThat(one.prune(10)).isZero();

      clock.advance(Duration.ofMinutes(6));
      assertThatThrownBy(() -> other.read(second.text(), HERE)).isInstanceOf(VaultProblem.class);
      assertThat(one.prune(10)).isEqualTo(1);

      assertThat(TokenKey.isClaimed(database)).isFalse();
      assertThat(new TokenKey(new byte[TokenKey.SECRET_OCTETS]).claim(database)).isTrue();
      assertThat(new TokenKey(new byte[TokenKey.SECRET_OCTETS]).claim(database)).isTrue();
      assertThat(new TokenKey(secret).claim(database)).isFalse();
    }
  }

  private Tokens tokens(Database database, TokenKey key) {
    return new Tokens(
        database,
        new Credentials(database, clock, random),
        key,
        Duration.ofMinutes(5),
        clock,
        random);
  }
}
