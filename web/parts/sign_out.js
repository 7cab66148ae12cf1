// Signs the customer out.

import { go } from "../lib/router.js";
import { forget } from "../lib/storage.js";
import { accountTexts } from "../texts/account.js";
import { toast } from "./page.js";

/** Sign out in all tabs, and remove all personal values from this browser. */
export function signOut() {
  forget();
  go("/");
  toast(accountTexts.signedOut);
}
