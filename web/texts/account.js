// Texts of accounts, signing in and passwords.

export const accountTexts = {
  title: "Your account",
  signInTitle: "Sign in",
  createTitle: "Create an account",
  confirmTitle: "Confirm your email address",
  forgotTitle: "Forgot your password?",
  resetTitle: "Choose a new password",

  email: "Email",
  password: "Password",
  newPassword: "New password",
  name: "Name",
  code: "Code",
  showPassword: "Show password",

  signIn: "Sign in",
  create: "Create account",
  confirm: "Confirm",
  sendCode: "Email me a code",
  resend: "Send a new code",
  savePassword: "Save password and sign in",
  newHere: "New here?",
  haveAccount: "Already have an account?",
  forgot: "Forgot your password?",
  haveCode: "I have a confirmation code",
  backToSignIn: "Back to sign in",

  forgotHint: "We’ll email you a code to choose a new one.",
  /** @param {string} email */
  confirmHint: (email) => `We’ve emailed a code to ${email || "you"}. It may take a minute to arrive.`,
  /** @param {string} email */
  resetHint: (email) => `If there’s an account for ${email || "your address"}, we’ve sent it a code.`,
  resent: "If this address still needs to be confirmed, we’ve emailed a new code.",
  confirmed: "Your email address is confirmed. Please sign in.",
  created: "Your account is ready. Please sign in.",
  signedIn: "You’re signed in.",
  expired: "Your session has expired. Please sign in again.",

  wrongCredentials: "Wrong email or password, or your email isn’t confirmed yet.",
  tooMany: "Too many attempts. Please wait a minute, then try again.",
  exists: "An account with this email already exists.",
  signInInstead: "Sign in?",
  wrongCode: "This code is wrong or has expired. Check it, or request a new one.",
  badEmail: "We can’t use this email address. Please try another.",

  rules: "Your password needs",
  rulesMissing: "Your password needs all of the above.",
  spaceAround: "A password can’t begin or end with a space.",
  usedBefore: "This password can’t be used. Please choose another one.",

  profile: "Your details",
  save: "Save",
  saved: "Your name is saved.",
  orders: "Your orders",
  ordersHint: "Receipts and everything you’ve bought.",
  changePassword: "Change your password",
  signOut: "Sign out",
  signOutHint: "Signing out also removes your cart and address from this browser.",
  signedOut: "You’re signed out.",
};

/** The user pool's password rules, each with its text. @type {[RegExp, string][]} */
export const PASSWORD_RULES = [
  [/^[^]{12,}$/, "at least 12 characters"],
  [/[A-Z]/, "an uppercase letter"],
  [/[a-z]/, "a lowercase letter"],
  [/[0-9]/, "a number"],
  [/[ ^$*.[\]{}()?"!@#%&/\\,><':;|_~`=+-]/, "a symbol, such as ! or -"],
];
