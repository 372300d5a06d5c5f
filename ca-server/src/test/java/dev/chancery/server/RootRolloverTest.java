package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.Approval;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.core.ToBeSigned;
import dev.chancery.e2e.TestRoot;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.server.engine.Catalogue;
import dev.chancery.server.engine.Issuer;
import dev.chancery.server.engine.IssuingAuthority;
import dev.chancery.store.Database;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.IssuerSuccessions;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.store.RootRollovers;
import dev.chancery.store.RootRollovers.State;
import dev.chancery.testing.AdjustableClock;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rules of each step, over a home with an issuer below each of three roots. */
@DisplayName("The rules of a rollover")
class RootRolloverTest {
  private static final IssuerId WEB = new IssuerId("web");
  private static final IssuerId NEXT = new IssuerId("next");
  private static final IssuerId THIRD = new IssuerId("third");
  private static final ProfileId PROFILE = new ProfileId("tls-server");
  private static final Duration PUBLISHED_FOR = Duration.ofDays(30);
  private static final Duration LONGEST = Duration.ofDays(90);
  private static final String BY = "admin alice";

  @TempDir Path folder;
  private final AdjustableClock clock =
      new AdjustableClock(Instant.now().truncatedTo(ChronoUnit.SECONDS));
  private final SecureRandom random = new SecureRandom();
  private final TimeOrderedIds ids = new TimeOrderedIds(clock, random);
  private final List<AutoCloseable> parts = new ArrayList<>();
  private TestRoot oldRoot;
  private TestRoot newRoot;
  private JooqIssuanceLedger issuance;
  private IssuerRegistry registry;
  private SucceededAuthority ordering;
  private IssuerChange change;
  private RootRollover rollover;

  @BeforeEach
  void open() throws Exception {
    oldRoot = new TestRoot("O=Tests,CN=Old Root");
    newRoot = new TestRoot("O=Tests,CN=New Root");
    TestRoot thirdRoot = new TestRoot("O=Tests,CN=Third Root");
    Path directory = Files.createDirectories(folder.resolve("home"));
    Files.createDirectories(directory.resolve("token"));
    Files.writeString(directory.resolve("token/chancery.pin"), "a-test-password");
    Files.writeString(
        directory.resolve("chancery.yaml"),
        """
        token: {kind: pkcs12, file: token/chancery.p12, pinFile: token/chancery.pin}
        roots: [root.pem, third-root.pem]
        rollover: {root: new-root.pem}
        issuers:
          - {name: web, certificate: ca/web.pem, keyId: "01", ocspKeyId: "02"}
          - {name: next, certificate: ca/next.pem, keyId: "03", ocspKeyId: "04"}
          - {name: third, certificate: ca/third.pem, keyId: "05", ocspKeyId: "06"}
        acme: {endpoints: {default: {issuer: web, profile: tls-server}}}
        """);
    Path profiles = Files.createDirectories(directory.resolve("profiles"));
    for (String profile : List.of("tls-server.yaml", "intermediate-ca.yaml", "short-lived.yaml")) {
      Files.copy(Path.of("../config/profiles", profile), profiles.resolve(profile));
    }
    TestRoot.write(directory.resolve("root.pem"), oldRoot.certificate());
    TestRoot.write(directory.resolve("new-root.pem"), newRoot.certificate());
    TestRoot.write(directory.resolve("third-root.pem"), thirdRoot.certificate());
    Home home = Home.open(directory);
    Configuration configuration = Configuration.read(home, Map.of());
    OfflineRoot offline = new OfflineRoot(home, configuration, clock, random, name -> null);
    Map<IssuerId, TestRoot> above = Map.of(WEB, oldRoot, NEXT, newRoot, THIRD, thirdRoot);
    for (Map.Entry<IssuerId, TestRoot> each : above.entrySet()) {
      IssuerId name = each.getKey();
      Path request =
          offline.request(name, KeyAlgorithm.EC_P256, new X500Name("O=Tests,CN=" + name + " CA"));
      TestRoot.write(directory.resolve("ca/" + name + ".pem"), each.getValue().certify(request));
    }
    serve(home, configuration);
  }

  private void serve(Home home, Configuration configuration) throws Exception {
    Database database = Databases.open(home, configuration.database(), name -> null);
    parts.add(database);
    OpenTokens tokens = OpenTokens.open(home, configuration, random, name -> TokenObserver.NONE);
    parts.add(tokens);
    registry = new IssuerRegistry(database);
    issuance = new JooqIssuanceLedger(database, clock);
    List<KeyedIssuer> keyed =
        KeyedIssuer.open(
            LoadedIssuer.all(
                home,
                configuration.issuers(),
                TrustBundle.read(configuration.knownRoots(home)),
                clock.instant()),
            tokens,
            registry);
    ServedIssuers served = new ServedIssuers(keyed);
    IssuerSuccessions successions = new IssuerSuccessions(database, clock, Duration.ZERO, Set.of());
    RootRollovers rollovers = new RootRollovers(database, clock);
    TrustView view =
        new TrustView(
            TrustBundle.read(configuration.roots().stream().map(home::resolve).toList()),
            successions,
            rollovers,
            clock,
            System::nanoTime);
    change = new IssuerChange(served, registry, successions, view, () -> {});
    rollover =
        new RootRollover(
            new RootRollover.Foundations(
                rollovers, successions, new RootNames(registry), change, served, view),
            new RootRollover.Settings(
                Optional.of(newRoot.certificate()), WEB, PUBLISHED_FOR, LONGEST),
            clock);
    List<Issuer> issuers = new ArrayList<>();
    for (KeyedIssuer one : keyed) {
      issuers.add(one.forIssuing(Addresses.of(configuration.externalUrls(), 8080, 8443), 0));
    }
    ordering =
        new SucceededAuthority(
            new IssuingAuthority(
                new Catalogue(issuers, configuration.profiles(home).values()),
                issuance,
                new JooqRevocationLedger(database, clock),
                clock,
                random,
                issuer -> {}),
            served,
            view);
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable part : parts.reversed()) {
      part.close();
    }
  }

  @Test
  @DisplayName("have an issuer of an unknown root replaced by none, where there are several roots")
  void unknownRoot() throws Exception {
    IssuerId elsewhere = new IssuerId("elsewhere");
    registry.register(elsewhere, key());

    for (IssuerId instead : List.of(WEB, NEXT, THIRD)) {
      assertThatThrownBy(() -> change.activate(instead, elsewhere, BY))
          .isInstanceOf(TooEarly.class)
          .hasMessageContaining("issuer elsewhere is not served here, so that it is not known");
    }
    assertThatThrownBy(() -> change.activate(NEXT, WEB, BY))
        .isInstanceOf(TooEarly.class)
        .hasMessageContaining("issuer next is below another root than web");

    // Once a rollover is switched, everything goes to the new root.
    published();
    crossSign(Duration.ofDays(365));
    clock.advance(PUBLISHED_FOR);
    rollover.switchOver(Map.of(elsewhere, NEXT), BY);
    IssuerId later = new IssuerId("later");
    registry.register(later, key());
    assertThatThrownBy(() -> change.activate(THIRD, later, BY))
        .hasMessageContaining("issuer later is not served here");
    change.activate(NEXT, later, BY);
  }

  private static SubjectPublicKey key() throws Exception {
    return SubjectPublicKey.of(
        KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPublic());
  }

  /** A certificate that is alive for so long. */
  private void live(IssuerId issuer, Duration life) throws Exception {
    SerialNumber serial = SerialNumber.of(new BigInteger(64, random).setBit(64));
    Approval approval = new Approval.Infrastructure("test", new RequestId(ids.next()));
    PreparedCertificate certificate =
        new PreparedCertificate(
            issuer,
            serial,
            PROFILE,
            clock.instant(),
            clock.instant().plus(life),
            key(),
            approval,
            new ToBeSigned(Der.of(new byte[] {0x30, 0}), SigningScheme.ECDSA_SHA256));
    assertThat(issuance.takeIn(certificate, SignatureValue.of(new byte[] {1}))).isTrue();
  }

  private X509CertificateHolder oldByNew(Duration fromNow) throws Exception {
    return newRoot.certify(oldRoot, sinceStart().plus(fromNow));
  }

  private X509CertificateHolder newByOld(Duration fromNow) throws Exception {
    return oldRoot.certify(newRoot, sinceStart().plus(fromNow));
  }

  /** The roots of the test have the clock of the machine. */
  private Duration sinceStart() {
    return Duration.between(Instant.now(), clock.instant());
  }

  private void crossSign(Duration fromNow) throws Exception {
    clock.advance(Duration.ofSeconds(1));
    rollover.crossSign(oldByNew(fromNow), newByOld(fromNow), BY);
    clock.advance(TrustView.KNOWN_EVERYWHERE);
  }

  @Test
  @DisplayName("count what another node may have given out before it knew the cross-certificates")
  void notKnownEverywhere() throws Exception {
    published();
    rollover.crossSign(oldByNew(Duration.ofDays(1000)), newByOld(Duration.ofDays(1000)), BY);
    live(WEB, Duration.ofDays(90));
    clock.advance(TrustView.KNOWN_EVERYWHERE.minusSeconds(1));
    live(WEB, Duration.ofDays(90));
    assertThat(numbers().onlyOld()).isEqualTo(2);
    clock.advance(Duration.ofSeconds(1));
    live(WEB, Duration.ofDays(90));
    assertThat(numbers().onlyOld()).isEqualTo(2);
    assertThat(numbers().belowOld()).isEqualTo(3);
  }

  private void published() throws Exception {
    rollover.prepare(ids.next(), BY);
    rollover.publish(BY);
  }

  private RolloverNumbers.Numbers numbers() {
    return rollover.numbers(rollover.last().orElseThrow());
  }

  @Test
  @DisplayName(
      "take no cross-certificate that ends before what is alive, or what is issued until the"
          + " switch")
  void shortCrossCertificates() throws Exception {
    published();
    live(WEB, Duration.ofDays(200));
    live(THIRD, Duration.ofDays(300));
    assertThatThrownBy(() -> crossSign(Duration.ofDays(199)))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("oldByNew ends at ")
        .hasMessageContaining("and the last live certificate below the old root at ");
    assertThatThrownBy(() ->
            rollover.crossSign(oldByNew(Duration.ofDays(250)), newByOld(Duration.ofDays(1)), BY))
        .hasMessageContaining("newByOld ends at ");

    clock.advance(Duration.ofDays(150));
    assertThatThrownBy(() -> crossSign(Duration.ofDays(89)))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("oldByNew ends at ")
        .hasMessageContaining("and a certificate that is issued at " + clock.instant())
        .hasMessageContaining(" can live until " + clock.instant().plus(LONGEST));
    crossSign(Duration.ofDays(91));
    assertThat(rollover.last().orElseThrow().state()).isEqualTo(State.CROSS_SIGNED);
  }

  @Test
  @DisplayName("look at the earliest switch before it has come")
  void untilTheSwitch() throws Exception {
    published();
    Instant earliest = clock.instant().plus(PUBLISHED_FOR);
    clock.advance(Duration.ofDays(1));
    assertThatThrownBy(() -> crossSign(Duration.ofDays(118)))
        .hasMessageContaining(
            "issued at " + earliest + " can live until " + earliest.plus(LONGEST));
    crossSign(Duration.ofDays(120));
  }

  @Test
  @DisplayName("refuse the switch over cross-certificates that are about to end, and take others")
  void crossedAnew() throws Exception {
    rollover.prepare(ids.next(), BY);
    assertThatThrownBy(() -> crossSign(Duration.ofDays(1000)))
        .isInstanceOf(TooEarly.class)
        .hasMessageContaining("is prepared, and this step follows published");
    rollover.publish(BY);
    crossSign(Duration.ofDays(125));
    assertThat(rollover.waitsFor().orElseThrow()).contains("rollover.publishedFor wants PT720H");

    // Another thirty-five days, and a certificate of ninety days would outlive them.
    clock.advance(Duration.ofDays(36));
    for (int time = 0; time < 2; time++) {
      assertThatThrownBy(() -> rollover.switchOver(Map.of(), BY))
          .isInstanceOf(TooEarly.class)
          .hasMessageContaining("oldByNew ends at ")
          .hasMessageContaining("can live until " + clock.instant().plus(LONGEST))
          .hasMessageContaining("chancery rollover cross-sign takes longer ones");
      // So it is when they have ended.
      clock.advance(Duration.ofDays(100));
    }
    live(WEB, Duration.ofDays(10));
    assertThat(numbers().onlyOld()).as("its chain goes without what has ended").isEqualTo(1);
    assertThatThrownBy(() ->
            rollover.crossSign(oldByNew(Duration.ofDays(100)), newByOld(Duration.ofDays(80)), BY))
        .hasMessageContaining("newByOld ends at ");
    crossSign(Duration.ofDays(100));
    assertThat(numbers().onlyOld()).as("it was issued before").isEqualTo(1);
    rollover.switchOver(Map.of(), BY);

    // After the switch too: what is below the new root is not to lead there alone.
    live(NEXT, Duration.ofDays(90));
    assertThat(numbers().onlyNew()).isZero();
    clock.advance(Duration.ofDays(50));
    live(NEXT, Duration.ofDays(90));
    assertThat(numbers().belowNew()).isEqualTo(2);
    assertThat(numbers().onlyNew()).isEqualTo(1);
    assertThatThrownBy(() -> crossSign(Duration.ofDays(89)))
        .hasMessageContaining("and the last live certificate below the new root at ");
    crossSign(Duration.ofDays(365));
    assertThat(rollover.last().orElseThrow().state()).isEqualTo(State.SWITCHED);
    live(NEXT, Duration.ofDays(90));
    assertThat(numbers().onlyNew()).as("those from before").isEqualTo(2);
  }

  @Test
  @DisplayName(
      "count what other nodes serve as below the old root, and what is below a third one not")
  void othersIssuers() throws Exception {
    IssuerId elsewhere = new IssuerId("elsewhere");
    registry.register(elsewhere, key());
    published();
    live(WEB, Duration.ofDays(90));
    live(elsewhere, Duration.ofDays(91));
    live(THIRD, Duration.ofDays(92));
    assertThat(numbers())
        .isEqualTo(new RolloverNumbers.Numbers(2, 2, numbers().oldUntil(), 0, 0, Optional.empty()));
    crossSign(Duration.ofDays(1000));
    assertThat(numbers().onlyOld()).isEqualTo(2);
    clock.advance(PUBLISHED_FOR);
    assertThatThrownBy(() -> rollover.switchOver(Map.of(), BY))
        .isInstanceOf(TooEarly.class)
        .hasMessageContaining(
            "1 issuers that may be below the old root (elsewhere) have no successor; below the new"
                + " root are 1 (next)");
    assertThatThrownBy(() -> rollover.switchOver(Map.of(THIRD, NEXT), BY))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("no issuer third signs that may be below the old root");
    assertThatThrownBy(() -> rollover.switchOver(Map.of(elsewhere, THIRD), BY))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("no issuer third below the new root is served here");
    rollover.switchOver(Map.of(elsewhere, NEXT), BY);
    assertThat(ordering.active(WEB)).isEqualTo(NEXT);
    assertThat(ordering.active(elsewhere)).isEqualTo(NEXT);
    assertThat(ordering.active(THIRD)).isEqualTo(THIRD);

    assertThatThrownBy(() -> rollover.retire(BY))
        .isInstanceOf(TooEarly.class)
        .hasMessageContaining("2 live certificates are below the old root, the last until ");
    clock.advance(Duration.ofDays(92));
    assertThatThrownBy(() -> rollover.retire(BY))
        .hasMessageContaining("2 issuers below the old root are not retired")
        .hasMessageContaining("elsewhere, web");
  }

  @Test
  @DisplayName(
      "have nothing issued below the new root before the switch, whatever names its issuer")
  void notInUse() throws Exception {
    for (int step = 0; step < 3; step++) {
      assertThatThrownBy(() -> permitted(NEXT))
          .isInstanceOf(Refused.class)
          .hasMessageContaining(
              "issuer next is below the root O=Tests,CN=New Root, below which nothing is issued"
                  + " now");
      permitted(WEB);
      permitted(THIRD);
      switch (step) {
        case 0 -> published();
        case 1 -> crossSign(Duration.ofDays(1000));
        default -> clock.advance(PUBLISHED_FOR);
      }
    }
    rollover.switchOver(Map.of(), BY);
    permitted(NEXT);
    permitted(WEB);
  }

  private void permitted(IssuerId issuer) throws Refused {
    ordering.requirePermitted(issuer, PROFILE, Set.of(), Optional.empty(), Optional.empty());
  }

  @Test
  @DisplayName("give a rollover up with nothing below the new root, and before the switch only")
  void abandoned() throws Exception {
    assertThatThrownBy(() -> rollover.abandon(BY))
        .hasMessageContaining("no rollover is in progress");
    published();
    live(NEXT, Duration.ofDays(5));
    assertThatThrownBy(() -> rollover.abandon(BY))
        .isInstanceOf(TooEarly.class)
        .hasMessageContaining("1 live certificates are below the new root");
    clock.advance(Duration.ofDays(6));
    rollover.abandon(BY);
    assertThat(rollover.last()).isEmpty();

    published();
    crossSign(Duration.ofDays(1000));
    clock.advance(PUBLISHED_FOR);
    rollover.switchOver(Map.of(), BY);
    assertThatThrownBy(() -> rollover.abandon(BY))
        .isInstanceOf(TooEarly.class)
        .hasMessageContaining("certificates are issued below the new root");
  }

  @Test
  @DisplayName("do not take the life of CAs for the longest")
  void longest() throws Exception {
    Home home = Home.open(folder.resolve("home"));
    assertThat(RootRollover.longest(Configuration.read(home, Map.of()).profiles(home).values()))
        .isEqualTo(Duration.ofDays(398));
  }
}
