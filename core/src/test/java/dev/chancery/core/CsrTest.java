package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Certification requests (RFC 2986) and the keys in them. */
final class CsrTest {
  private static final Map<KeyAlgorithm, String> SIGNATURES =
      Map.of(
          KeyAlgorithm.EC_P256, "SHA256withECDSA",
          KeyAlgorithm.EC_P384, "SHA384withECDSA",
          KeyAlgorithm.EC_P521, "SHA512withECDSA",
          KeyAlgorithm.ED25519, "Ed25519",
          KeyAlgorithm.RSA_2048, "SHA256withRSA",
          KeyAlgorithm.RSA_3072, "SHA256withRSAandMGF1");

  @Test
  void requestsOfEveryKindAreRead() throws Exception {
    for (Map.Entry<KeyAlgorithm, String> kind : SIGNATURES.entrySet()) {
      KeyPair keys = keys(kind.getKey());

      Csr csr = Csr.parse(request(keys, kind.getValue()));

      assertThat(csr.publicKey().algorithm()).isEqualTo(kind.getKey());
      assertThat(csr.publicKey().encoded().bytes()).isEqualTo(keys.getPublic().getEncoded());
      assertThat(csr.commonNames()).containsExactly("a.example");
      assertThat(csr.names()).containsExactly(new DnsName("a.example"), IpName.parse("192.0.2.1"));
      assertThat(csr.subject()).isEqualTo(new X500Name("CN=a.example,O=b"));
    }
  }

  @Test
  @DisplayName("RFC 2986 section 4.2: the requester must hold the key")
  void wrongSignatureIsRefused() throws Exception {
    KeyPair keys = keys(KeyAlgorithm.EC_P256);
    KeyPair others = keys(KeyAlgorithm.EC_P256);

    byte[] forged = request(new KeyPair(keys.getPublic(), others.getPrivate()), "SHA256withECDSA");

    assertRefused(forged, Reason.BAD_CSR, "signature is wrong");
  }

  @Test
  void brokenHashIsRefused() throws Exception {
    assertRefused(
        request(keys(KeyAlgorithm.EC_P256), "SHA1withECDSA"), Reason.BAD_CSR, "broken hash");
  }

  @Test
  void trailingOctetsAreRefused() throws Exception {
    byte[] good = request(keys(KeyAlgorithm.EC_P256), "SHA256withECDSA");

    assertRefused(Arrays.copyOf(good, good.length + 1), Reason.BAD_CSR, "malformed");
  }

  @Test
  void overlongRequestIsRefusedUnread() {
    assertRefused(new byte[Csr.LONGEST + 1], Reason.BAD_CSR, "longer than");
  }

  @Test
  void weakRsaKeysAreRefused() throws Exception {
    // The JDK's generator: Bouncy Castle's searches for minutes for keys of an odd number of bits.
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    for (int bits : new int[] {1024, 2047, 2056}) {
      generator.initialize(bits);
      assertRefused(
          request(generator.generateKeyPair(), "SHA256withRSA"),
          Reason.BAD_PUBLIC_KEY,
          "2048, 3072 or 4096 bits");
    }
    generator.initialize(new RSAKeyGenParameterSpec(2048, BigInteger.valueOf(3)));
    assertRefused(
        request(generator.generateKeyPair(), "SHA256withRSA"), Reason.BAD_PUBLIC_KEY, "exponent");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "3", "65535", "65538", "-65537", "0"})
  @DisplayName("NIST SP 800-89 section 5.3.3: exponents are odd and at least 65537")
  void oddExponentsOfRsaKeysAreRefused(String exponent) {
    BigInteger modulus = BigInteger.TWO.pow(2048).subtract(BigInteger.ONE);
    assertKeyRefused(modulus, new BigInteger(exponent));
  }

  @Test
  void oddModuliOfRsaKeysAreRefused() {
    BigInteger exponent = BigInteger.valueOf(65537);
    assertKeyRefused(BigInteger.TWO.pow(2047), exponent);
    assertKeyRefused(BigInteger.TWO.pow(2048).subtract(BigInteger.ONE).negate(), exponent);
    assertKeyRefused(BigInteger.ZERO, exponent);
    assertKeyRefused(BigInteger.TWO.pow(20_000).subtract(BigInteger.ONE), exponent);
    assertKeyRefused(BigInteger.probablePrime(2048, new Random(1)), exponent);
    assertKeyRefused(
        BigInteger.TWO.pow(2048).subtract(BigInteger.ONE),
        BigInteger.TWO.pow(256).add(BigInteger.ONE));
  }

  @Test
  @DisplayName("A modulus of another size costs nothing: no test for primes is made of it")
  void largeModuliAreRefusedUnexamined() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", BouncyCastle.PROVIDER);
    generator.initialize(2048);
    BigInteger good =
        ((java.security.interfaces.RSAPublicKey) generator.generateKeyPair().getPublic())
            .getModulus();
    // Composite, without small factors: Bouncy Castle needs seconds to decode it.
    BigInteger large = good.pow(8);
    long start = System.nanoTime();

    for (int i = 0; i < 100; i++) {
      assertKeyRefused(large, BigInteger.valueOf(65537));
    }

    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
  }

  @Test
  @DisplayName("A modulus without its leading zero octet is negative, not the number it looks like")
  void negativeModulusIsNotReadAsPositive() throws Exception {
    KeyPair keys = keys(KeyAlgorithm.RSA_2048);
    BigInteger modulus = ((java.security.interfaces.RSAPublicKey) keys.getPublic()).getModulus();

    assertKeyRefused(modulus.subtract(BigInteger.TWO.pow(2048)), BigInteger.valueOf(65537));
  }

  @Test
  @DisplayName("RFC 3279 2.3.1, RFC 8410 3: NULL for RSA, nothing for Ed25519")
  void parametersAreOfTheirKind() throws Exception {
    for (KeyAlgorithm algorithm : List.of(KeyAlgorithm.RSA_2048, KeyAlgorithm.ED25519)) {
      SubjectPublicKeyInfo good =
          SubjectPublicKeyInfo.getInstance(keys(algorithm).getPublic().getEncoded());
      AlgorithmIdentifier kind = good.getAlgorithm();
      AlgorithmIdentifier other =
          kind.getParameters() == null
              ? new AlgorithmIdentifier(kind.getAlgorithm(), DERNull.INSTANCE)
              : new AlgorithmIdentifier(kind.getAlgorithm());

      assertThatThrownBy(() ->
              SubjectPublicKey.of(
                  new SubjectPublicKeyInfo(other, good.getPublicKeyData().getOctets())))
          .isInstanceOfSatisfying(
              Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.BAD_PUBLIC_KEY));
    }
  }

  @Test
  @DisplayName("A key is decoded in a JVM where nothing else has used Bouncy Castle before")
  void keysAreDecodedFirstThing() throws Exception {
    for (KeyAlgorithm algorithm :
        List.of(KeyAlgorithm.EC_P256, KeyAlgorithm.ED25519, KeyAlgorithm.RSA_2048)) {
      String key = Base64.getEncoder().encodeToString(keys(algorithm).getPublic().getEncoded());
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  FreshJvm.class.getName(),
                  key)
              .redirectErrorStream(true)
              .start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(said).isZero();
      assertThat(said.strip()).isEqualTo(algorithm.toString());
    }
  }

  /** The process of {@link #keysAreDecodedFirstThing}. */
  static final class FreshJvm {
    private FreshJvm() {}

    public static void main(String[] args) throws Exception {
      SubjectPublicKeyInfo info =
          SubjectPublicKeyInfo.getInstance(Base64.getDecoder().decode(args[0]));
      System.out.println(SubjectPublicKey.of(info).algorithm());
    }
  }

  private static void assertKeyRefused(BigInteger modulus, BigInteger exponent) {
    assertThatThrownBy(() ->
            SubjectPublicKey.of(
                new SubjectPublicKeyInfo(
                    new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE),
                    new DERSequence(
                        new ASN1Integer[] {new ASN1Integer(modulus), new ASN1Integer(exponent)}))))
        .isInstanceOfSatisfying(
            Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.BAD_PUBLIC_KEY));
  }

  @ParameterizedTest
  @ValueSource(strings = {"secp256k1", "P-224", "brainpoolP256r1"})
  void otherCurvesAreRefused(String curve) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
    generator.initialize(new ECGenParameterSpec(curve));
    assertRefused(
        request(generator.generateKeyPair(), "SHA256withECDSA"),
        Reason.BAD_PUBLIC_KEY,
        "named curve");
  }

  @Test
  void otherAlgorithmsAreRefused() throws Exception {
    // The JDK's, which has DSA parameters at hand: Bouncy Castle makes new ones for minutes.
    for (String algorithm : List.of("Ed448", "DSA", "X25519")) {
      KeyPair keys = KeyPairGenerator.getInstance(algorithm).generateKeyPair();
      assertThatThrownBy(() -> SubjectPublicKey.of(keys.getPublic()))
          .isInstanceOfSatisfying(
              Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.BAD_PUBLIC_KEY));
    }
  }

  @Test
  void keysAreEqualByTheirEncoding() throws Exception {
    KeyPair keys = keys(KeyAlgorithm.EC_P256);
    SubjectPublicKey key = SubjectPublicKey.of(keys.getPublic());

    assertThat(SubjectPublicKey.of(keys.getPublic())).isEqualTo(key).hasSameHashCodeAs(key);
    assertThat(SubjectPublicKey.of(keys(KeyAlgorithm.EC_P256).getPublic())).isNotEqualTo(key);
  }

  @Test
  @DisplayName("RFC 8555 section 11.3: a name of no usable kind is refused for what it is")
  void namesOfOtherKindsAreRefused() throws Exception {
    assertRefused(
        request(
            keys(KeyAlgorithm.EC_P256),
            "SHA256withECDSA",
            new GeneralName(GeneralName.registeredID, "1.2.3")),
        Reason.UNSUPPORTED_NAME,
        "not certified here");
    assertRefused(
        request(
            keys(KeyAlgorithm.EC_P256),
            "SHA256withECDSA",
            new GeneralName(GeneralName.dNSName, "a_b")),
        Reason.REJECTED_NAME,
        "not a DNS name");
  }

  @Test
  @DisplayName("RFC 5280 section 4.2: an extension comes once, however many times it is asked for")
  void repeatedExtensionsAreRefusedAtNoCost() throws Exception {
    DERSequence extension =
        new DERSequence(
            new ASN1Encodable[] {
              Extension.subjectAlternativeName,
              new DEROctetString(
                  new GeneralNames(new GeneralName(GeneralName.dNSName, "a.example")))
            });
    ASN1EncodableVector twice = new ASN1EncodableVector();
    for (int i = 0; i < 1500; i++) {
      twice.add(extension);
    }
    byte[] request = request(keys(KeyAlgorithm.EC_P256), "SHA256withECDSA", new DERSequence(twice));
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    assertRefused(request, Reason.BAD_CSR, "asks for extension 2.5.29.17 twice");

    long before = thread.getCurrentThreadAllocatedBytes();
    assertRefused(request, Reason.BAD_CSR, "twice");
    assertThat(thread.getCurrentThreadAllocatedBytes() - before).isLessThan(8L << 20);
  }

  @Test
  @DisplayName("RFC 2985 section 5.4.2: an extensionRequest has a single value")
  void extensionRequestsOfTwoValuesAreRefused() throws Exception {
    DERSequence none = new DERSequence();
    assertRefused(
        request(keys(KeyAlgorithm.EC_P256), "SHA256withECDSA", none, none),
        Reason.BAD_CSR,
        "more than one");
  }

  @Test
  void mutatedRequestsAreReadOrRefusedAndNothingElse() throws Exception {
    List<byte[]> seeds = new ArrayList<>();
    for (KeyAlgorithm algorithm :
        List.of(KeyAlgorithm.EC_P256, KeyAlgorithm.ED25519, KeyAlgorithm.RSA_2048)) {
      seeds.add(request(keys(algorithm), SIGNATURES.get(algorithm)));
    }
    Random random = new Random(2986);
    long start = System.nanoTime();
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] mutated = mutate(seeds.get(i % seeds.size()), random);
      try {
        Csr.parse(mutated);
      } catch (Refused e) {
        refused++;
        assertThat(e.getMessage()).doesNotContain("\n").hasSizeLessThan(300);
      }
    }
    assertThat(refused).isGreaterThan(19_000);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(30));
  }

  /** Flips, cuts, doubles or overwrites in a few places, mostly near the structure at the start. */
  private static byte[] mutate(byte[] seed, Random random) {
    byte[] bytes = seed.clone();
    int changes = 1 + random.nextInt(4);
    for (int i = 0; i < changes && bytes.length > 1; i++) {
      int at = random.nextInt(random.nextBoolean() ? bytes.length : Math.min(64, bytes.length));
      switch (random.nextInt(5)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0x80 : 0xff);
        case 3 -> bytes = Arrays.copyOf(bytes, 1 + random.nextInt(bytes.length));
        default -> {
          byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
          System.arraycopy(bytes, at, longer, at + 1, bytes.length - at);
          bytes = longer;
        }
      }
    }
    return bytes;
  }

  private static void assertRefused(byte[] der, Reason reason, String why) {
    assertThatThrownBy(() -> Csr.parse(der))
        .isInstanceOfSatisfying(Refused.class, e -> assertThat(e.reason()).isEqualTo(reason))
        .hasMessageContaining(why);
  }

  private static KeyPair keys(KeyAlgorithm algorithm) throws Exception {
    KeyPairGenerator generator =
        KeyPairGenerator.getInstance(
            switch (algorithm) {
              case EC_P256, EC_P384, EC_P521 -> "EC";
              case ED25519 -> "Ed25519";
              case RSA_2048, RSA_3072, RSA_4096 -> "RSA";
            },
            BouncyCastle.PROVIDER);
    switch (algorithm) {
      case EC_P256 -> generator.initialize(new ECGenParameterSpec("P-256"));
      case EC_P384 -> generator.initialize(new ECGenParameterSpec("P-384"));
      case EC_P521 -> generator.initialize(new ECGenParameterSpec("P-521"));
      case ED25519 -> {}
      case RSA_2048 -> generator.initialize(2048);
      case RSA_3072 -> generator.initialize(3072);
      case RSA_4096 -> generator.initialize(4096);
    }
    return generator.generateKeyPair();
  }

  private static byte[] request(KeyPair keys, String signature) throws Exception {
    return request(
        keys,
        signature,
        new GeneralName(GeneralName.dNSName, "A.example"),
        new GeneralName(GeneralName.iPAddress, "192.0.2.1"),
        new GeneralName(GeneralName.dNSName, "a.example"));
  }

  private static byte[] request(KeyPair keys, String signature, GeneralName... names)
      throws Exception {
    ExtensionsGenerator extensions = new ExtensionsGenerator();
    extensions.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(names));
    return request(keys, signature, extensions.generate());
  }

  private static byte[] request(KeyPair keys, String signature, ASN1Encodable... extensionRequest)
      throws Exception {
    return new JcaPKCS10CertificationRequestBuilder(
            new X500Name("CN=a.example,O=b"), keys.getPublic())
        .addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensionRequest)
        .build(
            new JcaContentSignerBuilder(signature)
                .setProvider(BouncyCastle.PROVIDER)
                .build(keys.getPrivate()))
        .getEncoded();
  }
}
