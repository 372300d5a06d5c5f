package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.math.BigInteger;
import java.security.KeyPairGenerator;
import java.security.interfaces.RSAPublicKey;
import java.util.Random;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("RSA keys that are easy to factor")
final class RsaWeaknessTest {
  private static final BigInteger E = BigInteger.valueOf(65537);

  private static SubjectPublicKey key(BigInteger modulus) throws Refused, java.io.IOException {
    return SubjectPublicKey.of(
        new SubjectPublicKeyInfo(
            new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE),
            new org.bouncycastle.asn1.pkcs.RSAPublicKey(modulus, E)));
  }

  private static void assertRefused(BigInteger modulus, String why) {
    Refused refused = catchThrowableOfType(Refused.class, () -> key(modulus));
    assertThat(refused).isNotNull();
    assertThat(refused.reason()).isEqualTo(Reason.BAD_PUBLIC_KEY);
    assertThat(refused).hasMessageContaining(why);
  }

  /** The product of the first primes, as the flawed library has it for a size of key. */
  private static BigInteger primorial(int count) {
    BigInteger product = BigInteger.ONE;
    BigInteger prime = BigInteger.TWO;
    for (int i = 0; i < count; i++) {
      product = product.multiply(prime);
      prime = prime.nextProbablePrime();
    }
    return product;
  }

  /** A prime k * M + (65537^a mod M). */
  private static BigInteger flawedPrime(BigInteger m, int bits, Random random) {
    while (true) {
      BigInteger power = E.modPow(new BigInteger(200, random), m);
      BigInteger k =
          BigInteger.TWO
              .pow(bits - 1)
              .add(BigInteger.TWO.pow(bits - 2))
              .divide(m)
              .add(new BigInteger(bits - 4 - m.bitLength(), random));
      BigInteger candidate = k.multiply(m).add(power);
      if (candidate.bitLength() == bits && candidate.isProbablePrime(40)) {
        return candidate;
      }
    }
  }

  @ParameterizedTest(name = "{0} bits")
  @ValueSource(ints = {2048, 3072, 4096})
  @DisplayName("CVE-2017-15361: the fingerprint of primes k * M + (65537^a mod M)")
  void roca(int bits) {
    Random random = new Random(bits);
    // 126 primes are those of 2048-bit keys, and 225 those of longer ones.
    BigInteger m = primorial(bits < 3968 ? 126 : 225);
    BigInteger modulus =
        flawedPrime(m, bits / 2, random).multiply(flawedPrime(m, bits / 2, random));
    assertThat(modulus.bitLength()).isEqualTo(bits);
    assertRefused(modulus, "CVE-2017-15361");
  }

  @Test
  @DisplayName("one flawed prime beside a sound one is not the library's, and passes")
  void halfRoca() throws Exception {
    Random random = new Random(1);
    BigInteger modulus =
        flawedPrime(primorial(126), 1024, random).multiply(soundPrime(1024, random));
    assertThat(key(modulus).algorithm()).isEqualTo(KeyAlgorithm.RSA_2048);
  }

  private static BigInteger soundPrime(int bits, Random random) {
    while (true) {
      BigInteger prime = BigInteger.probablePrime(bits, random);
      if (prime.testBit(bits - 2)) {
        return prime;
      }
    }
  }

  @ParameterizedTest(name = "{0} steps")
  @ValueSource(ints = {0, 1, 20, 99})
  @DisplayName("Fermat: factors that are found in some steps from the square root")
  void closeFactors(int steps) {
    Random random = new Random(2048);
    BigInteger p = soundPrime(1024, random);
    // The a of a^2 - b^2 is (p + q) / 2, which lies b^2 / (2 sqrt(n)) above the square root.
    BigInteger distance = p.shiftLeft(1).multiply(BigInteger.valueOf(steps)).sqrt().shiftLeft(1);
    BigInteger q = p.add(distance).nextProbablePrime();
    BigInteger a = p.add(q).shiftRight(1);
    BigInteger modulus = p.multiply(q);
    assertThat(a.subtract(modulus.sqrt()).intValueExact()).isBetween(steps, steps + 2);
    assertRefused(modulus, "too close");
  }

  @Test
  @DisplayName("Fermat: the square of a prime")
  void square() {
    assertRefused(soundPrime(1024, new Random(3)).pow(2), "too close");
  }

  @Test
  @DisplayName("factors a thousand steps apart pass: the test is one of microseconds")
  void notClose() throws Exception {
    BigInteger p = soundPrime(1024, new Random(4));
    BigInteger distance = p.shiftLeft(1).multiply(BigInteger.valueOf(1000)).sqrt().shiftLeft(1);
    assertThat(key(p.multiply(p.add(distance).nextProbablePrime())).algorithm())
        .isEqualTo(KeyAlgorithm.RSA_2048);
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 167, 751})
  @DisplayName("a small prime factor")
  void smallFactor(int factor) {
    BigInteger small = BigInteger.valueOf(factor);
    BigInteger modulus =
        BigInteger.TWO.pow(2047).add(BigInteger.TWO.pow(2046)).divide(small).setBit(0);
    assertThat(modulus.multiply(small).bitLength()).isEqualTo(2048);
    assertRefused(modulus.multiply(small), "small prime factor");
  }

  @Test
  @DisplayName("keys of the JDK pass, time and again")
  void sound() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    for (int i = 0; i < 5; i++) {
      RSAPublicKey key = (RSAPublicKey) generator.generateKeyPair().getPublic();
      assertThat(RsaWeakness.of(key.getModulus())).isEmpty();
    }
  }
}
