import { showTimes } from "./times.js";
import { offerApproval } from "./approve.js";
import { offerRegistration } from "./register.js";
import { keepUpToDate } from "./live.js";

showTimes(document);
offerApproval();
offerRegistration();
keepUpToDate();
