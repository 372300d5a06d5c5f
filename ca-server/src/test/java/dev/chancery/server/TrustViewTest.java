package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.IssuerSuccessions;
import dev.chancery.store.RootRollovers;
import dev.chancery.testing.AdjustableClock;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("What is trusted during a rollover")
class TrustViewTest {
  private static final String BY = "admin alice";

  @TempDir Path folder;
  private final AdjustableClock clock = new AdjustableClock(Instant.now());

  private X509CertificateHolder certificate(String name, Duration validity) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    KeyPair keys = generator.generateKeyPair();
    X500Name subject = new X500Name(name);
    return new X509v3CertificateBuilder(
            subject,
            BigInteger.ONE,
            Date.from(clock.instant()),
            Date.from(clock.instant().plus(validity)),
            subject,
            SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()))
        .build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate()));
  }

  @Test
  @DisplayName(
      "a root is in use from the switch to its own end, and no chain outlives what it needs")
  void steps() throws Exception {
    Path home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    try (OpenedHome opened = OpenedHome.open(home, clock)) {
      X509CertificateHolder before = PemFile.certificates(home.resolve("root.pem")).getFirst();
      X509CertificateHolder after = certificate("CN=Next Root", Duration.ofDays(1000));
      Der crossing = Der.of(certificate("CN=Crossing", Duration.ofDays(10)).getEncoded());
      List<List<Der>> own =
          List.of(
              List.of(
                  Der.of(
                      PemFile.certificates(home.resolve("ca/issuing.pem"))
                          .getFirst()
                          .getEncoded())));
      IssuerId next = new IssuerId("root-2");
      new IssuerRegistry(opened.database())
          .register(next, SubjectPublicKey.of(after.getSubjectPublicKeyInfo()));
      RootRollovers rollovers = new RootRollovers(opened.database(), clock);
      TrustView view =
          new TrustView(
              TrustBundle.read(List.of(opened.home().rootCertificate())),
              new IssuerSuccessions(opened.database(), clock, Duration.ZERO, Set.of()),
              rollovers,
              clock,
              System::nanoTime);
      assertThat(view.look().isInUse(before)).isTrue();
      assertThat(view.look().isInUse(after)).isFalse();

      rollovers.prepare(
          UUID.randomUUID(),
          new RootRollovers.Root(Initialization.ROOT, Der.of(before.getEncoded())),
          new RootRollovers.Root(next, Der.of(after.getEncoded())),
          BY);
      assertThat(view.look().isInUse(after)).isFalse();
      rollovers.publish(rollovers.all().getLast(), BY);
      assertThat(view.look().bundle().roots()).containsExactly(before, after);
      assertThat(view.look().isInUse(after)).isFalse();
      assertThat(view.look().chains(own)).isEqualTo(own);

      rollovers.crossSign(
          rollovers.all().getLast(), new RootRollovers.CrossCertificates(crossing, crossing), BY);
      assertThat(view.look().isInUse(after)).isFalse();
      assertThat(view.look().chains(own).getFirst()).hasSize(2).endsWith(crossing);
      clock.advance(Duration.ofDays(11));
      assertThat(view.look().chains(own)).isEqualTo(own);

      rollovers.switchOver(rollovers.all().getLast(), Map.of(), BY);
      assertThat(view.look().isInUse(before)).isTrue();
      assertThat(view.look().isInUse(after)).isTrue();
      rollovers.retire(rollovers.all().getLast(), BY);
      assertThat(view.look().isInUse(before)).isFalse();
      assertThat(view.look().isInUse(after)).isTrue();
    }
  }
}
